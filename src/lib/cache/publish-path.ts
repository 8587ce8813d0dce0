import type {Bucket, Condition} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {narExtension} from '../closure/compression.ts'
import {isOld} from '../gc/ages.ts'
import {signNarInfo} from '../closure/narinfo-signature.ts'
import {printNarInfo, type NarInfo} from '../closure/narinfo.ts'
import {decodeBase32} from '../nix/base32.ts'
import {baseNameOf, hashPartOf, STORE_DIR} from '../nix/store-path.ts'
import type {SecretKey} from '../signing/nix-key.ts'
import type {PackedNar} from './pack-nar.ts'
import {shelfKey, type Shelf} from './shelf.ts'

/** What Nix has registered of a path. */
export interface PublishedPath extends Pick<NarInfo, 'ca' | 'narHash' | 'narSize' | 'references' | 'signatures'> {
  /** `/nix/store/HASH-NAME` */
  path: string
  /** store path of the derivation */
  deriver: string | null
}

export interface Place {
  shelf: Shelf
  /** where what the bucket has of this path cannot be used: it is written over; `info`: what it says, if that could be read */
  replace: {condition: Condition; info: NarInfo | null} | null
  now: () => Date
}

/** A NAR that is in the bucket. */
export type StoredNar = Omit<PackedNar, 'body'> & {url: string}

/** Puts a NAR into the bucket, unless one with the same bytes is there. Nothing refers to it yet. */
export async function storeNar(bucket: Pick<Bucket, 'head' | 'put' | 'touch'>, {body, ...nar}: PackedNar, {shelf, replace, now}: Place): Promise<StoredNar> {
  const url = keys.nar(nar.fileHash.slice('sha256:'.length), narExtension(nar.compression))
  // Its name is its hash, so writing over a broken one can only mend it.
  const sha256 = Buffer.from(decodeBase32(nar.fileHash.slice('sha256:'.length))).toString('hex')
  const put = (condition: {condition?: Condition}) => bucket.put(shelfKey(shelf, url), body, {contentType: 'application/x-nix-nar', sha256, ...condition})
  const first = await put(replace ? {} : {condition: 'absent'})
  if (first.kind === 'refused' && !await isYoung(bucket, shelfKey(shelf, url), now())) await put({})
  return {...nar, url}
}

/**
 * Puts a path's narinfo into the bucket, signed. Its NAR and all that it refers to must be there already.
 * @returns null where somebody else was first: a rebuild need not be bit-equal, so theirs stays
 */
export async function publishPath(
  bucket: Pick<Bucket, 'head' | 'put' | 'touch'>, path: PublishedPath, {nar, key, shelf, replace, now}: Place & {nar: StoredNar; key: SecretKey},
): Promise<NarInfo | null> {
  const {path: storePath, narHash, narSize, references, ca} = path
  const info = signNarInfo({
    ...nar, storePath, narHash, narSize, references, ca,
    signatures: [...new Set([...path.signatures, ...signaturesOf(replace?.info ?? null, path)])],
    deriver: path.deriver?.startsWith(`${STORE_DIR}/`) ? baseNameOf(path.deriver) : null,
  }, key)
  const text = Buffer.from(printNarInfo(info))
  // What was to be written over may have been swept meanwhile.
  const narinfoKey = shelfKey(shelf, keys.narinfo(hashPartOf(baseNameOf(storePath))))
  for (const condition of replace ? [replace.condition, 'absent' as const] : ['absent' as const]) {
    const described = await bucket.put(narinfoKey, text, {contentType: 'text/x-nix-narinfo', condition})
    if (described.kind === 'stored') return info
  }

  // Theirs must not be swept either, if it is one that this build could not see.
  await isYoung(bucket, narinfoKey, now())
  return null
}

const MAX_SIGNATURES = 8

/** Of the same content, so that apps with keys of their own can share it. They are not checked: whoever trusts a key does that. */
function signaturesOf(info: NarInfo | null, {narHash, narSize, references}: PublishedPath): string[] {
  const isSame = info !== null && info.narHash === narHash && info.narSize === narSize && info.references.join(' ') === references.join(' ')
  return isSame ? info.signatures.slice(0, MAX_SIGNATURES) : []
}

/** Whether it is there and will not be swept: another path may have the same NAR, or one whose narinfo was swept. */
async function isYoung(bucket: Pick<Bucket, 'head' | 'touch'>, key: string, now: Date): Promise<boolean> {
  const found = await bucket.head(key)
  return found !== null && (!isOld(found.modifiedAt, now) || await bucket.touch(key))
}

/** What makes the bucket a binary cache for any Nix (nix: src/libstore/binary-cache-store.cc). */
export const CACHE_INFO = `StoreDir: ${STORE_DIR}\nWantMassQuery: 1\nPriority: 30\n`

export async function publishCacheInfo(bucket: Pick<Bucket, 'put'>): Promise<void> {
  await bucket.put(keys.cacheInfo, Buffer.from(CACHE_INFO), {condition: 'absent', contentType: 'text/x-nix-cache-info'})
}
