import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import type {ClosurePath} from '../build/record.ts'
import {isNarUrl} from '../cache/shelf.ts'
import {parseCompression} from '../closure/compression.ts'
import {namedSigners, signerOf} from '../closure/narinfo-signature.ts'
import {MAX_NARINFO, parseNarInfo, type NarInfo} from '../closure/narinfo.ts'
import {EXIT, NixError} from '../errors.ts'
import {baseNameOf, hashPartOf} from '../nix/store-path.ts'
import type {PublicKey} from '../signing/nix-key.ts'
import {allOf} from './parallel.ts'

/** A path that the bucket has, by a narinfo that a trusted key signed. */
export interface FoundPath {
  info: NarInfo
  /** of the NAR's object */
  narKey: string
}

export interface FindOptions {
  /** keys whose signatures count */
  trusted: readonly PublicKey[]
  /** requests at once */
  parallel?: number
}

/** A path, and what its NAR must hash to where a signed record says so: a rebuild need not be bit-equal. */
export interface WantedPath {
  /** `/nix/store/HASH-NAME` */
  path: string
  narHash?: string
}

/** A build's run-time closure, the largest paths first: they take longest to restore, and are to be begun before others are found. */
export function wantedOf(closure: readonly ClosurePath[]): WantedPath[] {
  return closure.toSorted((a, b) => b.narSize - a.narSize).map(({path, narHash}) => ({path, narHash}))
}

type Source = Pick<Bucket, 'name' | 'read'>

/**
 * Looks paths up in the bucket's cache, and under `heroku/cache/`.
 * @returns in their order
 * @throws NixError PATH_NOT_SAVED, BAD_NARINFO, BAD_SIGNATURE, OTHER_NAR
 */
export async function findPaths(bucket: Source, wanted: readonly WantedPath[], {trusted, parallel = 16}: FindOptions): Promise<FoundPath[]> {
  return allOf(wanted, parallel, one => findPath(bucket, one, trusted))
}

/**
 * The same one by one as they are found, in no order, so that something can be done with the first before the last is found.
 * @param options.closure also all that they refer to, by the narinfos in the bucket; each path comes once
 * @throws as findPaths
 */
export async function* pathsAsFound(
  bucket: Source, wanted: readonly WantedPath[], {trusted, parallel = 16, closure = false}: FindOptions & {closure?: boolean},
): AsyncGenerator<FoundPath, void> {
  const waiting = [...wanted]
  const known = new Set(wanted.map(({path}) => path))
  const underWay = new Map<string, Promise<FoundPath>>()
  try {
    while (waiting.length + underWay.size > 0) {
      for (const one of waiting.splice(0, parallel - underWay.size)) underWay.set(one.path, findPath(bucket, one, trusted))
      const found = await Promise.race(underWay.values())
      underWay.delete(found.info.storePath)
      for (const path of closure ? found.info.references : []) {
        if (!known.has(path)) waiting.push({path})
        known.add(path)
      }

      yield found
    }
  } finally {
    await Promise.allSettled(underWay.values())
  }
}

async function findPath(bucket: Source, {path, narHash}: WantedPath, trusted: readonly PublicKey[]): Promise<FoundPath> {
  const hash = hashPartOf(baseNameOf(path))
  const refused: NixError[] = []
  for (const shelf of [(key: string) => key, keys.ownCache]) {
    const key = shelf(keys.narinfo(hash))
    const object = await bucket.read(key, {maxBytes: MAX_NARINFO})
    if (!object) continue
    try {
      const info = checked(object.bytes.toString(), {path, narHash: narHash ?? null, trusted, where: `${key} in bucket ${bucket.name}`})
      return {info, narKey: shelf(info.url)}
    } catch (error) {
      // The other place may have a right one.
      if (!(error instanceof NixError)) throw error
      refused.push(error)
    }
  }

  throw refused[0] ?? new NixError(`${path} is not in bucket ${bucket.name}.`, {
    code: 'PATH_NOT_SAVED', exit: EXIT.verification, suggestions: ['heroku nix:build --force', 'heroku nix:cache:push PATH on a machine that has it'],
  })
}

function checked(text: string, {path, narHash, trusted, where}: {path: string; narHash: string | null; trusted: readonly PublicKey[]; where: string}): NarInfo {
  const refuse = (code: string, reason: string) =>
    new NixError(`${where} is refused: ${reason}.`, {code, exit: EXIT.verification, suggestions: ['heroku nix:build --force']})
  const info = parseNarInfo(text, where)
  parseCompression(info.compression)
  if (info.storePath !== path) throw refuse('BAD_NARINFO', `it is of ${info.storePath}, not of ${path}`)
  if (!isNarUrl(info.url)) throw refuse('BAD_NARINFO', `its URL is ${JSON.stringify(info.url)}`)
  if (!signerOf(info, trusted)) {
    const names = namedSigners(info)
    const forged = names.filter(name => trusted.some(key => key.name === name))
    throw refuse('BAD_SIGNATURE', names.length === 0 ? 'nobody signed it'
      : forged.length > 0 ? `the signature of ${forged.join(', ')} is forged`
        : `it is signed by ${names.join(', ')} alone, and trusted ${trusted.length === 1 ? 'is' : 'are'} ${trusted.map(({name}) => name).join(', ')}`)
  }

  if (narHash !== null && narHash !== info.narHash) throw refuse('OTHER_NAR', `its NAR has hash ${info.narHash}, and the build's had ${narHash}`)
  return info
}
