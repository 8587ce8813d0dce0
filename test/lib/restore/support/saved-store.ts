import {execFileSync} from 'node:child_process'
import fs from 'node:fs'
import {zstdCompressSync} from 'node:zlib'
import type {Bucket} from '../../../../src/lib/bucket/bucket.ts'
import {keys} from '../../../../src/lib/bucket/keys.ts'
import {narExtension, type Compression} from '../../../../src/lib/closure/compression.ts'
import {contentHash} from '../../../../src/lib/closure/content-hash.ts'
import {narOf} from '../../../../src/lib/closure/nar-writer.ts'
import {signNarInfo} from '../../../../src/lib/closure/narinfo-signature.ts'
import {printNarInfo, type NarInfo} from '../../../../src/lib/closure/narinfo.ts'
import {hashPartOf} from '../../../../src/lib/nix/store-path.ts'
import type {SecretKey} from '../../../../src/lib/signing/nix-key.ts'
import {OWN_KEY} from '../../closure/support/narinfos.ts'

export interface SaveOptions {
  compression?: 'bzip2' | 'none' | 'xz' | 'zstd'
  key?: SecretKey
  /** under `heroku/cache/` */
  isOwn?: boolean
  references?: string[]
  deriver?: string | null
  ca?: string | null
  /** makes what lies in the bucket out of the NAR, instead of the compression's own program */
  pack?: (nar: Buffer) => Buffer
}

/** Puts a path of a folder into the bucket as a build would, and gives its narinfo back. */
export async function save(
  bucket: Pick<Bucket, 'put'>, folder: string, baseName: string,
  {compression = 'zstd', pack = nar => packed(nar, compression), key = OWN_KEY, isOwn = false, references = [], deriver = `${'d'.repeat(32)}-made.drv`, ca = null}: SaveOptions = {},
): Promise<NarInfo> {
  const bytes = Buffer.concat([...narOf(`${folder}/${baseName}`)])
  const object = pack(bytes)
  const fileHash = hashOf(object)
  const url = keys.nar(fileHash.slice('sha256:'.length), narExtension(compression))
  const info = signNarInfo({
    storePath: `/nix/store/${baseName}`, url, compression, fileHash, fileSize: object.length, narHash: hashOf(bytes), narSize: bytes.length,
    references: references.map(name => `/nix/store/${name}`).sort(), deriver, ca, signatures: [],
  }, key)
  const shelf = isOwn ? keys.ownCache : (name: string) => name
  await bucket.put(shelf(url), object)
  await bucket.put(shelf(keys.narinfo(hashPartOf(baseName))), Buffer.from(printNarInfo(info)))
  return info
}

export function hashOf(bytes: Uint8Array): string {
  const hash = contentHash()
  hash.update(bytes)
  return hash.digest()
}

function packed(bytes: Buffer, compression: Compression): Buffer {
  if (compression === 'none') return bytes
  if (compression === 'zstd') return zstdCompressSync(bytes)
  return execFileSync(compression, ['--stdout'], {input: bytes, maxBuffer: 1 << 30})
}

/** A tar of one file, by GNU tar. */
export function tarOf(folder: string, name: string): Buffer {
  return execFileSync('tar', ['-C', folder, '-cf', '-', name], {maxBuffer: 1 << 30})
}

/** A zip whose members are stored, not compressed: a store path in one stands there as it is. */
export function zipOf(folder: string, name: string): Buffer {
  const target = `${folder}/${name}.zip`
  execFileSync('python3', ['-c', `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_STORED) as z: z.write(sys.argv[2], 'member')
`, target, `${folder}/${name}`])
  return fs.readFileSync(target)
}
