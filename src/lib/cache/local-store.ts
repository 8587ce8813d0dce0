import {spawn} from 'node:child_process'
import {text} from 'node:stream/consumers'
import * as v from 'valibot'
import {normalHash} from '../closure/content-hash.ts'
import {EXIT, NixError} from '../errors.ts'
import {encodeBase32} from '../nix/base32.ts'
import type {PublishedPath} from './publish-path.ts'

/** A valid path of the Nix store on this machine. */
export type LocalPath = PublishedPath

/**
 * The paths and all that they refer to, but for derivations.
 * @param paths in the store, or links to such, as `result`
 * @throws NixError NO_NIX, NOT_BUILT, NOT_IN_STORE
 */
export async function localClosure(paths: readonly string[], {env, cwd}: {env: NodeJS.ProcessEnv; cwd: string}): Promise<LocalPath[]> {
  const ask = (...format: string[]) => run(
    ['--extra-experimental-features', 'nix-command', 'path-info', '--recursive', '--json', ...format, '--', ...paths], {env, cwd},
  )
  // Nix from 2.33 on wants to be told which format; before, it does not know the option.
  const first = await ask('--json-format', '1')
  const answer = first.status !== 0 && first.errors.includes('json-format') ? await ask() : first
  if (answer.status !== 0) {
    throw new NixError(`Nix does not know ${paths.join(', ')}: ${answer.errors.trim().split('\n').at(-1) ?? ''}`, {
      code: 'NOT_IN_STORE', exit: EXIT.usage, suggestions: ['nix-build', 'heroku nix:cache:push result'],
    })
  }

  const found = withoutDerivations(parsePathInfo(answer.output))
  if (found.length > 0) return found
  throw new NixError(`${paths.join(', ')}: ${paths.length === 1 ? 'that is a derivation' : 'these are derivations'}, not what ${paths.length === 1 ? 'it makes' : 'they make'}.`, {
    code: 'NOT_BUILT', exit: EXIT.usage, suggestions: [`nix-store --realise ${paths.join(' ')}, and then push what it prints`],
  })
}

/** All but derivations, those excepted that something else refers to: without them it would not be whole. */
export function withoutDerivations(all: readonly LocalPath[]): LocalPath[] {
  const byPath = new Map(all.map(one => [one.path, one]))
  const kept = new Set<LocalPath>()
  const waiting = all.filter(({path}) => !path.endsWith('.drv'))
  for (let one = waiting.pop(); one; one = waiting.pop()) {
    if (kept.has(one)) continue
    kept.add(one)
    waiting.push(...one.references.map(path => byPath.get(path)).filter(other => other !== undefined))
  }

  return all.filter(one => kept.has(one))
}

const details = v.object({
  narHash: v.string(), narSize: v.pipe(v.number(), v.safeInteger()), references: v.array(v.string()),
  deriver: v.nullish(v.string()), ca: v.nullish(v.string()), signatures: v.nullish(v.array(v.string())),
})
/** Nix up to 2.18 gives a list, later ones an object by path. */
const answers = v.union([v.array(v.object({...details.entries, path: v.string()})), v.record(v.string(), details)])

/**
 * Reads what `nix path-info --json` prints, of Nix 2.4 and later.
 * @throws Error where it is anything else
 */
export function parsePathInfo(json: string): LocalPath[] {
  const parsed = v.parse(answers, JSON.parse(json))
  const list = Array.isArray(parsed) ? parsed : Object.entries(parsed).map(([path, rest]) => ({path, ...rest}))
  return list.map(({path, narHash, narSize, references, deriver, ca, signatures}) => ({
    path, narSize, narHash: hashOf(narHash, path), references: [...references].sort(),
    deriver: deriver ?? null, ca: ca ?? null, signatures: signatures ?? [],
  }))
}

/** `sha256-` + base 64, or as it is in a narinfo. */
function hashOf(text: string, path: string): string {
  const [, base64] = /^sha256-([A-Za-z0-9+/]{43}=)$/.exec(text) ?? []
  const hash = base64 === undefined ? normalHash(text) : `sha256:${encodeBase32(Buffer.from(base64, 'base64'))}`
  if (hash === null) throw new Error(`Nix says that the hash of ${path} is ${JSON.stringify(text)}`)
  return hash
}

async function run(args: readonly string[], {env, cwd}: {env: NodeJS.ProcessEnv; cwd: string}): Promise<{status: number | null; output: string; errors: string}> {
  const child = spawn('nix', args, {env, cwd, stdio: ['ignore', 'pipe', 'pipe']})
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  try {
    const [status, output, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
    return {status, output, errors}
  } catch (error) {
    throw new NixError('Nix does not start on this machine: there is no program `nix`.', {
      code: 'NO_NIX', exit: EXIT.usage, suggestions: ['heroku nix:build builds on a dyno and needs no Nix here'], cause: error,
    })
  }
}
