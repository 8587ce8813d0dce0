import type {Bucket} from '../../lib/bucket/bucket.ts'
import type {NarPacker} from '../../lib/cache/nar-packer.ts'
import type {PackedNar} from '../../lib/cache/pack-nar.ts'
import {publishCacheInfo, publishPath, storeNar, type StoredNar} from '../../lib/cache/publish-path.ts'
import type {Shelf} from '../../lib/cache/shelf.ts'
import {baseNameOf, hashPartOf} from '../../lib/nix/store-path.ts'
import type {SecretKey} from '../../lib/signing/nix-key.ts'
import type {BucketSource, Holding} from './bucket-source.ts'
import {findWrong} from './checked-nar.ts'
import type {RegisteredPath} from './registrations.ts'
import type {Reuse} from './reuse.ts'
import type {Saved, StorePath} from './saver.ts'
import type {Spool} from './spool.ts'

export interface PathStoreOptions {
  bucket: Bucket
  /** signs what is saved */
  key: SecretKey
  inBucket: BucketSource
  reused: Pick<Reuse, 'keep'>
  spool: Spool
  packer: NarPacker
  /** for large NARs on their way */
  folder: string
  canonical: string
  upstream: 'copy' | 'skip'
  /** Whether Nix got this path's NAR from a cache upstream. */
  gaveUpstream: (hash: string) => boolean
  isTainted: (baseName: string) => Promise<boolean>
  now: () => Date
}

/** How a path gets into the bucket: what the bucket has is kept, what is wrong there is mended, and what it lacks is packed and put. */
export function pathStore(options: PathStoreOptions): StorePath {
  const {bucket, key, inBucket, reused, upstream, now} = options
  const shelves = new Map<string, Promise<Shelf>>()
  let described: Promise<void> | null = null

  return (path, references) => {
    const hash = hashPartOf(baseNameOf(path.path))
    const isFromUpstream = options.gaveUpstream(hash) && !path.builtHere
    if (isFromUpstream && upstream === 'skip') return Promise.resolve(() => Promise.resolve({kind: 'upstream', bytes: 0}))
    const holding = keptHolding(hash, path.builtHere)
    const shelf = holding.then(held => held.kind === 'absent' ? shelfOf(path, references) : held.shelf)
    shelves.set(path.path, shelf)
    return stored(path, {hash, holding, shelf, isFromUpstream})
  }

  async function stored(path: RegisteredPath, {hash, isFromUpstream, ...found}: {hash: string; holding: Promise<Holding>; shelf: Promise<Shelf>; isFromUpstream: boolean}): ReturnType<StorePath> {
    const [held, shelf] = await Promise.all([found.holding, found.shelf])
    if (held.kind === 'good') return () => Promise.resolve({kind: 'there'})
    const place = {shelf, replace: held.kind === 'refused' ? held.replace : null, now}
    await describe()
    const nar = await withNar(path, hash, packed => storeNar(bucket, packed, place))
    return async (): Promise<Saved> => {
      const info = await publishPath(bucket, path, {...place, nar, key})
      if (info) inBucket.saved(hash, info, shelf)
      if (isFromUpstream) return {kind: 'upstream', bytes: nar.fileSize}
      return info ? {kind: 'saved', bytes: nar.fileSize} : {kind: 'there'}
    }
  }

  function describe(): Promise<void> {
    return described ??= publishCacheInfo(bucket).catch((error: unknown) => {
      described = null
      throw error
    })
  }

  /** What the bucket has and will keep, whatever is swept. */
  async function keptHolding(hash: string, builtHere: boolean): Promise<Holding> {
    const held = builtHere ? await checkedHolding(hash) : await inBucket.holding(hash)
    if (held.kind !== 'good' || await reused.keep(hash, held)) return held
    inBucket.forget(hash)
    const again = await inBucket.holding(hash)
    // The narinfo is there and its NAR is not.
    if (again.kind === 'good') inBucket.refuse(hash, `its NAR ${again.info.url} has gone`)
    return inBucket.holding(hash)
  }

  /** What was built although the bucket has it, Nix could not use or did not try. */
  async function checkedHolding(hash: string): Promise<Holding> {
    const held = await inBucket.holding(hash)
    if (held.kind !== 'good') return held
    // What only a program decompresses, only Nix checks.
    const wrong = inBucket.gave(hash) ? 'Nix could not use its NAR' : await findWrong(inBucket, held.info)
    if (wrong !== null) inBucket.refuse(hash, wrong)
    return inBucket.holding(hash)
  }

  async function withNar({path, narHash, narSize, builtHere}: RegisteredPath, hash: string, use: (packed: PackedNar) => Promise<StoredNar>): Promise<StoredNar> {
    const {spool, packer, canonical, folder} = options
    const passed = spool.take(hash)
    try {
      if (passed && !builtHere) return await use(passed)
    } finally {
      if (passed) await spool.discard(passed)
    }

    return packer.pack({path: `${canonical}/${baseNameOf(path)}`, narHash, narSize, file: `${folder}/${hash}.nar.zst`}, use)
  }

  /** A path that refers to one of ours alone is ours alone: nobody else could get all of it. */
  async function shelfOf({path}: RegisteredPath, references: readonly string[]): Promise<Shelf> {
    const others = await Promise.all(references.flatMap(reference => shelves.get(reference) ?? []))
    return others.includes('own') || await options.isTainted(baseNameOf(path)) ? 'own' : 'shared'
  }
}
