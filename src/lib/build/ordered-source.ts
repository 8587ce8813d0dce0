import {EXIT, NixError} from '../errors.ts'
import type {BuildSource} from './record.ts'

const DIGEST = /^[0-9a-f]{64}$/
const OBJECT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/

/** How a dyno is told which source to build: by POST /dynos, so that writing to the bucket is not choosing what runs. */
export function orderSource({tree, commit, sha256}: BuildSource): Record<string, string> {
  return {NIX_SOURCE_SHA256: sha256, NIX_SOURCE_TREE: tree, ...(commit !== null && {NIX_SOURCE_COMMIT: commit})}
}

/** What `orderSource` said. @throws NixError where the variables are not there or not of its form */
export function orderedSource(variables: Readonly<Record<string, string>>): BuildSource {
  const {NIX_SOURCE_SHA256: sha256 = '', NIX_SOURCE_TREE: tree = '', NIX_SOURCE_COMMIT: commit = null} = variables
  if (!DIGEST.test(sha256) || !OBJECT.test(tree) || !(commit === null || OBJECT.test(commit))) {
    throw new NixError('NIX_SOURCE_SHA256 and NIX_SOURCE_TREE are not set: this dyno was not started by nix:build.', {
      code: 'NO_SOURCE_DIGEST', exit: EXIT.usage, suggestions: ['heroku nix:build'],
    })
  }

  return {tree, commit, sha256}
}

/**
 * The record lies in the bucket and is signed with the source that it names: one that names another tree or commit than was
 * ordered would make this build's result pass for theirs.
 * @throws NixError
 */
export function requireOrderedSource(build: string, named: BuildSource, ordered: BuildSource): void {
  for (const field of ['tree', 'commit', 'sha256'] as const) {
    if (named[field] !== ordered[field]) {
      throw new NixError(`The record of build ${build} names ${field} ${named[field] ?? 'none'}, and the build was ordered with ${ordered[field] ?? 'none'}: somebody changed it in the bucket.`, {
        code: 'SOURCE_CHANGED', exit: EXIT.verification, suggestions: ['heroku nix:build'],
      })
    }
  }
}
