import type {Bucket, Condition} from '../../lib/bucket/bucket.ts'
import {keys} from '../../lib/bucket/keys.ts'
import {narExtension} from '../../lib/closure/compression.ts'
import {isOld} from '../../lib/gc/ages.ts'
import {signNarInfo} from '../../lib/closure/narinfo-signature.ts'
import {printNarInfo, type NarInfo} from '../../lib/closure/narinfo.ts'
import {baseNameOf, hashPartOf, STORE_DIR} from '../../lib/nix/store-path.ts'
import type {SecretKey} from '../../lib/signing/nix-key.ts'
import {shelfKey, type Shelf} from './bucket-source.ts'
import type {RegisteredPath} from './registrations.ts'
import type {PackedNar} from './spool.ts'

export interface Publication {
  path: RegisteredPath
  nar: PackedNar
  shelf: Shelf
  key: SecretKey
  /** where what the bucket has of this path cannot be used: it is written over */
  replace: Condition | null
  now: () => Date
}

/**
 * Puts a path into the bucket: the NAR, and when that is whole the narinfo, signed. All that it refers to must be there already.
 * @returns null where somebody else was first: a rebuild need not be bit-equal, so theirs stays
 */
export async function publishPath(bucket: Pick<Bucket, 'head' | 'put' | 'touch'>, {path, nar, shelf, key, replace, now}: Publication): Promise<NarInfo | null> {
  const url = keys.nar(nar.fileHash.slice('sha256:'.length), narExtension(nar.compression))
  // Its name is its hash, so writing over a broken one can only mend it.
  const put = (condition: {condition?: Condition}) => bucket.put(shelfKey(shelf, url), nar.body, {contentType: 'application/x-nix-nar', ...condition})
  const first = await put(replace ? {} : {condition: 'absent'})
  if (first.kind === 'refused' && !await isYoung(bucket, shelfKey(shelf, url), now())) await put({})
  const {path: storePath, narHash, narSize, references, signatures, ca} = path
  const info = signNarInfo({
    storePath, url, compression: nar.compression, fileHash: nar.fileHash, fileSize: nar.fileSize, narHash, narSize, references, signatures, ca,
    deriver: path.deriver?.startsWith(`${STORE_DIR}/`) ? baseNameOf(path.deriver) : null,
  }, key)
  const text = Buffer.from(printNarInfo(info))
  const described = await bucket.put(shelfKey(shelf, keys.narinfo(hashPartOf(baseNameOf(storePath)))), text, {contentType: 'text/x-nix-narinfo', condition: replace ?? 'absent'})
  return described.kind === 'stored' ? info : null
}

/** Another path may have the same NAR, or one whose narinfo was swept: it must not be swept now. */
async function isYoung(bucket: Pick<Bucket, 'head' | 'touch'>, key: string, now: Date): Promise<boolean> {
  const found = await bucket.head(key)
  return found !== null && (!isOld(found.modifiedAt, now) || await bucket.touch(key))
}

/** What makes the bucket a binary cache for any Nix (nix: src/libstore/binary-cache-store.cc). */
export const CACHE_INFO = `StoreDir: ${STORE_DIR}\nWantMassQuery: 1\nPriority: 30\n`

export async function publishCacheInfo(bucket: Pick<Bucket, 'put'>): Promise<void> {
  await bucket.put(keys.cacheInfo, Buffer.from(CACHE_INFO), {condition: 'absent', contentType: 'text/x-nix-cache-info'})
}
