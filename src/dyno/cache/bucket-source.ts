import {keys} from '../../lib/bucket/keys.ts'
import type {Bucket, Condition} from '../../lib/bucket/bucket.ts'
import {readNarInfo} from '../../lib/cache/read-narinfo.ts'
import {isNarUrl, shelfKey, type Shelf} from '../../lib/cache/shelf.ts'
import {checkNarInfo} from '../../lib/closure/check-narinfo.ts'
import {MAX_NARINFO, type NarInfo} from '../../lib/closure/narinfo.ts'
import type {PublicKey} from '../../lib/signing/nix-key.ts'
import type {CacheSource, Report} from './source.ts'

/** What the bucket is known to have of a path. */
export type Holding =
  | {kind: 'absent'}
  | {kind: 'good'; info: NarInfo; shelf: Shelf; /** of the narinfo; its NAR is not much older */ modifiedAt: Date}
  /** something that cannot be used; who has the path may write over it */
  | {kind: 'refused'; shelf: Shelf; replace: {condition: Condition; info: NarInfo | null}}

export interface BucketSource extends CacheSource {
  holding(hash: string): Promise<Holding>
  /** Whether Nix got this path's NAR from it, all of it and with the hash that it should have. */
  gave(hash: string): boolean
  /** The path has been saved. */
  saved(hash: string, info: NarInfo, shelf: Shelf): void
  /** What was known of the path is no longer: it is looked up anew. */
  forget(hash: string): void
}

/**
 * The bucket as Nix sees it: both shelves as one cache.
 * @param trusted keys whose signatures count
 */
export function bucketSource(
  bucket: Pick<Bucket, 'head' | 'list' | 'name' | 'read' | 'stream'>, {trusted, report, now = () => new Date()}: {trusted: readonly PublicKey[]; report: Report; now?: () => Date},
): BucketSource {
  const holdings = new Map<string, Promise<Holding>>()
  const etags = new Map<string, {shelf: Shelf; etag: string}>()
  let own: Promise<Set<string>> | null = null
  const given = new Set<string>()
  let silent = false

  function holding(hash: string): Promise<Holding> {
    const known = holdings.get(hash)
    if (known) return known
    const found = find(hash).catch((error: unknown): Holding => {
      // Nix can go on without it, and the rest of the build will say soon enough whether the bucket is lost.
      silent = true
      report(`The cache in bucket ${bucket.name} cannot be read: ${error instanceof Error ? error.message : String(error)} This build goes on without it.`)
      return {kind: 'absent'}
    })
    holdings.set(hash, found)
    return found
  }

  async function find(hash: string): Promise<Holding> {
    if (silent) return {kind: 'absent'}
    const shared = await read(hash, 'shared')
    if (shared.kind === 'good') return shared
    const isOwn = (await (own ??= listOwn())).has(hash)
    const ours = isOwn ? await read(hash, 'own') : shared
    return ours.kind === 'absent' ? shared : ours
  }

  /** There are few, if any: one request instead of one for each path that is asked for. */
  async function listOwn(): Promise<Set<string>> {
    const hashes = new Set<string>()
    for await (const {key} of bucket.list(keys.ownCache(''))) {
      const [, hash] = /^heroku\/cache\/([0-9a-z]{32})\.narinfo$/.exec(key) ?? []
      if (hash !== undefined) hashes.add(hash)
    }

    return hashes
  }

  async function read(hash: string, shelf: Shelf): Promise<Holding> {
    const key = shelfKey(shelf, keys.narinfo(hash))
    const object = await readNarInfo(bucket, key)
    if (!object) return {kind: 'absent'}
    etags.set(hash, {shelf, etag: object.etag})
    if (object.text === null) return refuse(hash, `it has more than ${MAX_NARINFO} bytes`)
    const checked = checkNarInfo(object.text, {hash, where: key, keys: trusted})
    if (checked.kind === 'good' && !isNarUrl(checked.info.url)) return refuse(hash, `its URL is ${JSON.stringify(checked.info.url)}`)
    return checked.kind === 'good' ? {...checked, shelf, modifiedAt: object.modifiedAt} : refuse(hash, checked.reason, checked.info)
  }

  function refuse(hash: string, reason: string, info: NarInfo | null = null): Holding {
    const {shelf, etag} = etags.get(hash) ?? {shelf: 'shared', etag: ''}
    report(`${shelfKey(shelf, keys.narinfo(hash))} in bucket ${bucket.name} is refused: ${reason}.`)
    return {kind: 'refused', shelf, replace: {condition: {etag}, info}}
  }

  return {
    name: 'bucket',
    holding,

    async lookup(hash) {
      const held = await holding(hash)
      return held.kind === 'good' ? held.info : null
    },

    async open(info, range) {
      const held = await holding(hashOf(info))
      const shelf = held.kind === 'absent' ? 'shared' : held.shelf
      return bucket.stream(shelfKey(shelf, info.url), range ? {range} : {})
    },

    refuse(hash, reason) {
      holdings.set(hash, Promise.resolve(refuse(hash, reason)))
    },

    served: hash => given.add(hash),
    gave: hash => given.has(hash),

    saved(hash, info, shelf) {
      holdings.set(hash, Promise.resolve({kind: 'good', info, shelf, modifiedAt: now()}))
    },

    forget(hash) {
      holdings.delete(hash)
    },
  }
}

const hashOf = ({storePath}: NarInfo) => storePath.slice('/nix/store/'.length, '/nix/store/'.length + 32)
