import {createWriteStream} from 'node:fs'
import {rm} from 'node:fs/promises'
import {Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {createZstdCompress} from 'node:zlib'
import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {contentHash} from '../closure/content-hash.ts'
import {narOf} from '../closure/nar-writer.ts'
import {signNarInfo} from '../closure/narinfo-signature.ts'
import {printNarInfo} from '../closure/narinfo.ts'
import {EXIT, NixError} from '../errors.ts'
import {baseNameOf, hashPartOf, STORE_DIR} from '../nix/store-path.ts'
import type {SecretKey} from '../signing/nix-key.ts'
import type {LocalPath} from './local-store.ts'

/** What makes a bucket a binary cache for any Nix (nix: src/libstore/binary-cache-store.cc). */
const CACHE_INFO = `StoreDir: ${STORE_DIR}\nWantMassQuery: 1\nPriority: 30\n`

export async function pushCacheInfo(bucket: Pick<Bucket, 'put'>): Promise<void> {
  await bucket.put(keys.cacheInfo, Buffer.from(CACHE_INFO), {condition: 'absent', contentType: 'text/x-nix-cache-info'})
}

export interface PushOptions {
  key: SecretKey
  /** where the store's paths lie, `HASH-NAME`: /nix/store, unless Nix was told otherwise */
  store: string
  /** folder for compressed NARs on their way, of one file for each push under way */
  scratch: string
}

/**
 * Puts a path into the bucket: the NAR, and when that is whole the narinfo, signed. All that it refers to must be there already.
 * @returns bytes sent; null where somebody else was first, whose path stays: a rebuild need not be bit-equal
 * @throws NixError LOCAL_PATH_CHANGED where the store holds other bytes than Nix registered
 */
export async function pushPath(bucket: Pick<Bucket, 'put'>, path: LocalPath, {key, store, scratch}: PushOptions): Promise<number | null> {
  const {path: storePath, narHash, narSize, references, deriver, ca, signatures} = path
  const hash = hashPartOf(baseNameOf(storePath))
  const file = `${scratch}/${hash}.nar.zst`
  try {
    const packed = await pack(path, `${store}/${baseNameOf(storePath)}`, file)
    const url = keys.nar(packed.hash.slice('sha256:'.length))
    await bucket.put(url, {file}, {condition: 'absent', contentType: 'application/x-nix-nar'})
    const info = signNarInfo({
      storePath, url, compression: 'zstd', fileHash: packed.hash, fileSize: packed.size, narHash, narSize, references,
      deriver: deriver === null ? null : baseNameOf(deriver), ca, signatures,
    }, key)
    const put = await bucket.put(keys.narinfo(hash), Buffer.from(printNarInfo(info)), {condition: 'absent', contentType: 'text/x-nix-narinfo'})
    return put.kind === 'stored' ? packed.size : null
  } finally {
    await rm(file, {force: true})
  }
}

async function pack({path, narHash, narSize}: LocalPath, place: string, file: string): Promise<{hash: string; size: number}> {
  const nar = contentHash()
  const packed = contentHash()
  await pipeline(
    Readable.from(watched(narOf(place), nar), {objectMode: false, highWaterMark: 1}), createZstdCompress(),
    async function* (pieces: AsyncIterable<Buffer>) {
      for await (const piece of pieces) {
        packed.update(piece)
        yield piece
      }
    },
    createWriteStream(file, {flags: 'wx', mode: 0o600}),
  )
  const hash = nar.digest()
  if (hash !== narHash || nar.size !== narSize) {
    throw new NixError(`${path} is not what Nix registered: its NAR has hash ${hash} and ${nar.size} bytes, not ${narHash} and ${narSize}.`, {
      code: 'LOCAL_PATH_CHANGED', exit: EXIT.verification, suggestions: [`nix-store --verify-path ${path}`, `nix-store --repair-path ${path}`],
    })
  }

  return {hash: packed.digest(), size: packed.size}
}

function* watched(pieces: Iterable<Buffer>, hash: {update(piece: Buffer): void}): Generator<Buffer, void> {
  for (const piece of pieces) {
    hash.update(piece)
    yield piece
  }
}
