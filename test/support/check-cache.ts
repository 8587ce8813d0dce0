import {Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import type {Bucket, ObjectInfo} from '../../src/lib/bucket/bucket.ts'
import {keys} from '../../src/lib/bucket/keys.ts'
import {contentHash, hashAll} from '../../src/lib/closure/content-hash.ts'
import {decompressor, parseCompression} from '../../src/lib/closure/compression.ts'
import {signerOf} from '../../src/lib/closure/narinfo-signature.ts'
import {MAX_NARINFO, parseNarInfo, type NarInfo} from '../../src/lib/closure/narinfo.ts'
import {allOf} from '../../src/lib/restore/parallel.ts'
import type {PublicKey} from '../../src/lib/signing/nix-key.ts'

export interface CacheCheck {
  trusted: PublicKey
  /** Whether a store path is elsewhere, where it belongs: in a cache upstream. */
  isUpstream?: (path: string) => boolean
  /** Keys and ETags of narinfos that were found right by an earlier check; gets those of this one. */
  known?: Map<string, string>
}

/** What a bucket's cache holds, and what is wrong with it, a line each: nothing, where every moment left it whole. */
export interface CheckedCache {
  /** by store path */
  infos: Map<string, NarInfo>
  faults: string[]
}

/** Reads every narinfo and every NAR of both shelves: is it signed, whole and right, and is all there that it refers to? */
export async function checkCache(bucket: Pick<Bucket, 'list' | 'read' | 'stream'>, {trusted, isUpstream = () => false, known = new Map()}: CacheCheck): Promise<CheckedCache> {
  const objects = new Map<string, ObjectInfo>()
  for await (const object of bucket.list('')) objects.set(object.key, object)

  const infos = new Map<string, NarInfo>()
  const faults: string[] = []
  const described = [...objects.values()].filter(({key}) => key.endsWith('.narinfo'))
  await allOf(described, 8, async ({key, etag}) => {
    const text = (await bucket.read(key, {maxBytes: MAX_NARINFO}))?.bytes.toString() ?? ''
    const info = parseNarInfo(text, key)
    infos.set(info.storePath, info)
    if (known.get(key) === etag) return
    const nar = key.startsWith(keys.ownCache('')) ? keys.ownCache(info.url) : info.url
    const found = signerOf(info, [trusted]) === null ? ['nobody whom we trust signed it'] : await narFaults(bucket, nar, objects.get(nar)?.size, info)
    faults.push(...found.map(fault => `${key} of ${info.storePath}: ${fault}`))
    if (found.length === 0) known.set(key, etag)
  })
  for (const {storePath, references} of infos.values()) {
    faults.push(...references.filter(path => !infos.has(path) && !isUpstream(path)).map(path => `${storePath} refers to ${path}, which is not there`))
  }

  return {infos, faults: faults.sort()}
}

async function narFaults(bucket: Pick<Bucket, 'stream'>, key: string, size: number | undefined, info: NarInfo): Promise<string[]> {
  if (size === undefined) return [`there is no ${key}`]
  const object = await bucket.stream(key)
  const file = contentHash()
  async function* watched(): AsyncGenerator<Uint8Array, void> {
    for await (const piece of (object?.body ?? []) as AsyncIterable<Buffer>) {
      file.update(piece)
      yield piece
    }
  }

  const stream = decompressor(parseCompression(info.compression))
  const filled = pipeline(Readable.from(watched(), {objectMode: false}), stream).catch(() => undefined)
  const nar = await hashAll(stream).catch((error: unknown) => ({hash: String(error), size: 0}))
  await filled
  const compressed = {size: file.size, hash: file.digest()}
  return [
    ...(info.fileSize !== null && (size !== info.fileSize || compressed.size !== info.fileSize) ? [`${key} has ${compressed.size} bytes, not ${info.fileSize}`] : []),
    ...(info.fileHash !== null && compressed.hash !== info.fileHash ? [`${key} has hash ${compressed.hash}, not ${info.fileHash}`] : []),
    ...(nar.size !== info.narSize || nar.hash !== info.narHash ? [`its NAR has ${nar.size} bytes and hash ${nar.hash}, not ${info.narSize} and ${info.narHash}`] : []),
  ]
}
