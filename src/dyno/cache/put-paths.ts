import fs from 'node:fs'
import type {Bucket} from '../../lib/bucket/bucket.ts'
import {publishCacheInfo, publishPath, storeNar, type PublishedPath, type StoredNar} from '../../lib/cache/publish-path.ts'
import type {Shelf} from '../../lib/cache/shelf.ts'
import {parseCompression} from '../../lib/closure/compression.ts'
import {parseNarInfo, type NarInfo} from '../../lib/closure/narinfo.ts'
import {NixError} from '../../lib/errors.ts'
import {limiter} from '../../lib/limiter.ts'
import {baseNameOf, hashPartOf, STORE_DIR} from '../../lib/nix/store-path.ts'
import {verifiedNar} from '../../lib/restore/verified-nar.ts'
import type {PublicKey, SecretKey} from '../../lib/signing/nix-key.ts'
import type {BucketSource, Holding} from './bucket-source.ts'
import {NotTaken, type ReceivedNars} from './received-nars.ts'
import type {Reuse} from './reuse.ts'
import type {Saved} from './saver.ts'
import {vouchedPath} from './vouched-path.ts'

/** What `nix copy --to` puts into the cache on loopback: each NAR, then its narinfo, after those of all that it refers to. */
export interface PutPaths {
  /** @throws NotTaken */
  nar(name: string, body: AsyncIterable<Buffer>): Promise<void>
  /** Bytes of a NAR that need not be put again; null: it is not known. */
  narSize(name: string): number | null
  /** Publishes the path. @throws NotTaken */
  narInfo(hash: string, text: string): Promise<void>
  /** @throws NotTaken */
  cacheInfo(text: string): Promise<void>
  /** what came of all this */
  saved(): (Saved & {path: string})[]
}

export interface PutPathsOptions {
  bucket: Bucket
  /** signs what is published */
  key: SecretKey
  trusted: readonly PublicKey[]
  inBucket: BucketSource
  reused: Pick<Reuse, 'keep'>
  nars: ReceivedNars
  /** What Nix has registered in this build. */
  registered: (path: string) => PublishedPath | null
  isTainted: (baseName: string) => Promise<boolean>
  /** Whether a cache upstream has what this one leaves there. */
  isUpstream: (hash: string) => Promise<boolean>
  now: () => Date
}

/** paths that are checked and published at once */
const AT_ONCE = 4

export function putPaths(options: PutPathsOptions): PutPaths {
  const {bucket, key, inBucket, reused, nars, now} = options
  const publishing = limiter(AT_ONCE)
  /** Ends of what is done with a NAR: one after the other, because the first removes it. */
  const turns = new Map<string, Promise<unknown>>()
  /** NARs in the bucket and what they proved to be: another path may have the same one. */
  const stored = new Map<string, {nar: StoredNar; shelf: Shelf; narHash: string; narSize: number}>()
  const saved = new Map<string, Saved & {path: string}>()
  let described: Promise<void> | null = null

  async function publish(hash: string, info: NarInfo, name: string): Promise<void> {
    const path = vouched(info)
    const references = await resolved(path)
    await describe()
    const held = await inBucket.holding(hash)
    if (held.kind === 'good' && await reused.keep(hash, held)) {
      await nars.discard(name)
      return
    }

    const shelf = held.kind !== 'absent' ? held.shelf : references.includes('own') || await options.isTainted(baseNameOf(path.path)) ? 'own' : 'shared'
    const place = {shelf, replace: held.kind === 'refused' ? held.replace : null, now}
    const nar = await storedNar(name, info, place)
    const published = await publishPath(bucket, path, {...place, nar, key})
    if (published) inBucket.saved(hash, published, shelf)
    else inBucket.forget(hash)
    saved.set(path.path, {path: path.path, ...(published ? {kind: 'saved', bytes: nar.fileSize} : {kind: 'there'})})
    await nars.discard(name)
  }

  function vouched(info: NarInfo): PublishedPath {
    const path = vouchedPath(info, {registered: options.registered(info.storePath), trusted: options.trusted})
    if (typeof path !== 'string') return path
    throw new NotTaken(403, `${path}, so it is not taken. Try: nix copy with a ?secret-key= whose public half --option extra-trusted-public-keys in NIX_BUILD_FLAGS names`)
  }

  /** The shelves of what it refers to, all of which is there and stays. */
  async function resolved({path, references}: PublishedPath): Promise<(Shelf | 'upstream')[]> {
    return Promise.all(references.filter(reference => reference !== path).map(async reference => {
      const hash = hashPartOf(baseNameOf(reference))
      const held = await looked(hash)
      if (held.kind === 'good' && await reused.keep(hash, held)) return held.shelf
      if (await options.isUpstream(hash)) return 'upstream'
      throw new NotTaken(400, `${path} refers to ${reference}, which is not there: put that first`)
    }))
  }

  /** Others may have saved it since Nix asked for it. */
  function looked(hash: string): Promise<Holding> {
    return inBucket.holding(hash).then(held => {
      if (held.kind !== 'absent') return held
      inBucket.forget(hash)
      return inBucket.holding(hash)
    })
  }

  async function storedNar(name: string, info: NarInfo, place: Parameters<typeof storeNar>[2]): Promise<StoredNar> {
    const known = stored.get(name)
    if (known && known.shelf === place.shelf && known.narHash === info.narHash && known.narSize === info.narSize) return known.nar
    const received = nars.get(name)
    if (!received) throw new NotTaken(400, `the NAR nar/${name} of ${info.storePath} was not put`)
    const {narHash, narSize} = info
    await check(received.body.file, info)
    const nar = await storeNar(bucket, {...received, compression: parseCompression(info.compression)}, place)
    stored.set(name, {nar, shelf: place.shelf, narHash, narSize})
    return nar
  }

  function describe(): Promise<void> {
    return described ??= publishCacheInfo(bucket).catch((error: unknown) => {
      described = null
      throw error
    })
  }

  return {
    nar: (name, body) => nars.receive(name, body),
    narSize: name => nars.get(name)?.fileSize ?? stored.get(name)?.nar.fileSize ?? null,
    saved: () => [...saved.values()],

    async narInfo(hash, text) {
      const info = read(`${hash}.narinfo`, text)
      if (hashPartOf(baseNameOf(info.storePath)) !== hash) throw new NotTaken(400, `${hash}.narinfo is of ${info.storePath}`)
      const name = narName(info)
      const turn = (turns.get(name) ?? Promise.resolve()).then(() => publishing(() => publish(hash, info, name)))
      turns.set(name, turn.catch(() => undefined))
      await turn
    },

    async cacheInfo(text) {
      const store = /^StoreDir: *(.*)$/m.exec(text)?.[1]
      if (store !== STORE_DIR) throw new NotTaken(400, `nix-cache-info names the store ${JSON.stringify(store ?? '')}; this one is ${STORE_DIR}`)
      await describe()
    },
  }
}

function read(where: string, text: string): NarInfo {
  try {
    const info = parseNarInfo(text, where)
    parseCompression(info.compression)
    return info
  } catch (error) {
    throw error instanceof NixError ? new NotTaken(400, error.message.replace(/\.$/, '')) : error
  }
}

/** What a narinfo says of its file must be what was put, whose name says the same. */
function narName({url, fileHash, storePath}: NarInfo): string {
  const [, name = '', digest = ''] = /^nar\/(([0-9a-z]{52})\.nar(?:\.\w+)?)$/.exec(url) ?? []
  if (name === '') throw new NotTaken(400, `the URL of ${storePath} is ${JSON.stringify(url)}; it must be nar/FILEHASH.nar.zst or alike`)
  if (fileHash !== null && fileHash !== `sha256:${digest}`) throw new NotTaken(400, `FileHash of ${storePath} is ${fileHash}, and its URL is ${url}`)
  return name
}

async function check(file: string, info: NarInfo): Promise<void> {
  const {size} = await fs.promises.stat(file)
  if (info.fileSize !== null && info.fileSize !== size) throw new NotTaken(400, `FileSize of ${info.storePath} is ${info.fileSize}, and ${info.url} has ${size} bytes`)
  try {
    let narSize = 0
    for await (const piece of verifiedNar(fs.createReadStream(file) as AsyncIterable<Buffer>, info)) narSize += piece.length
    if (narSize !== info.narSize) throw new NotTaken(400, `NarSize of ${info.storePath} is ${info.narSize}, and its NAR has ${narSize} bytes`)
  } catch (error) {
    throw error instanceof NixError ? new NotTaken(400, `${info.url} is not the NAR of ${info.storePath}: ${error.message}`) : error
  }
}
