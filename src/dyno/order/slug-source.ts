import {EXIT, NixError} from '../../lib/errors.ts'

/** What a slug says that it was made of, `.heroku/nix/source.json`. */
export type SlugSource =
  /** the source of its build, which is in the bucket */
  | {kind: 'built'; tree: string; sha256: string}
  /** what was pushed, which no build is of; its files are listed in the slug */
  | {kind: 'pushed'; tree: string; commit: string | null}

const DIGEST = /^[0-9a-f]{64}$/
const OBJECT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

/** @param text null: there is no such file @throws NixError NO_SLUG_SOURCE */
export function parseSlugSource(text: string | null): SlugSource {
  const {tree, source, pushed} = parse(text) as {tree?: unknown; source?: unknown; pushed?: unknown}
  if (matches(tree, OBJECT) && matches(source, DIGEST)) return {kind: 'built', tree, sha256: source}
  const named = (typeof pushed === 'object' ? pushed : null) as {tree?: unknown; commit?: unknown} | null
  if (named !== null && matches(named.tree, OBJECT)) {
    return {kind: 'pushed', tree: named.tree, commit: matches(named.commit, OBJECT) ? named.commit : null}
  }

  throw new NixError('This slug does not say what it was made of.', {
    code: 'NO_SLUG_SOURCE', exit: EXIT.project,
    suggestions: ['heroku nix:build, in the project\'s folder', 'git push heroku main, which makes a slug that does'],
  })
}

function parse(text: string | null): object {
  try {
    const value: unknown = JSON.parse(text ?? '{}')
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    // What is no JSON names no source.
    return {}
  }
}

function matches(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value)
}
