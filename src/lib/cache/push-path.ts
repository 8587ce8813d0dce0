import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {checkNarInfo} from '../closure/check-narinfo.ts'
import {EXIT, NixError} from '../errors.ts'
import {isOld} from '../gc/ages.ts'
import {baseNameOf, hashPartOf} from '../nix/store-path.ts'
import type {SecretKey} from '../signing/nix-key.ts'
import type {LocalPath} from './local-store.ts'
import type {NarPacker} from './nar-packer.ts'
import {publishPath, storeNar, type Place} from './publish-path.ts'
import {readNarInfo} from './read-narinfo.ts'
import {isNarUrl} from './shelf.ts'

export type PushBucket = Pick<Bucket, 'head' | 'put' | 'read' | 'touch'>

export interface PushOptions {
  key: SecretKey
  /** where the store's paths lie, `HASH-NAME`: /nix/store, unless Nix was told otherwise */
  store: string
  /** folder for compressed NARs on their way, of one file for each push under way */
  scratch: string
  packer: NarPacker
  now: () => Date
  /** Called with the bytes of each piece of a NAR that was read. */
  onRead: (bytes: number) => void
}

/**
 * Puts a path into the bucket, unless builds can use what is there; that is kept from being swept. All that it refers to must be
 * there already.
 * @param options.doubts whether to look for the NAR, too
 * @returns bytes sent; null where the bucket has it
 * @throws NixError LOCAL_PATH_CHANGED where the store holds other bytes than Nix registered
 */
export async function pushPath(bucket: PushBucket, path: LocalPath, {key, store, scratch, packer, now, onRead, doubts}: PushOptions & {doubts: boolean}): Promise<number | null> {
  const hash = hashPartOf(baseNameOf(path.path))
  const held = await heldBy(bucket, hash, {key, now, doubts})
  if (held === 'good') return null
  const place = {shelf: 'shared' as const, replace: held, now}
  const {narHash, narSize} = path
  const unpacked = {path: `${store}/${baseNameOf(path.path)}`, narHash, narSize, file: `${scratch}/${hash}.nar.zst`}
  const nar = await packer.pack(unpacked, packed => storeNar(bucket, packed, place), {onRead}).catch((error: unknown) => {
    throw ofLocalPath(error, path)
  })
  return await publishPath(bucket, path, {...place, key, nar}) === null ? null : nar.fileSize
}

/** Whether the bucket has the path and will keep it; else what a new one is to be written over, null: nothing. */
async function heldBy(bucket: PushBucket, hash: string, {key, now, doubts}: Pick<PushOptions, 'key' | 'now'> & {doubts: boolean}): Promise<Place['replace'] | 'good'> {
  const where = keys.narinfo(hash)
  const object = await readNarInfo(bucket, where)
  if (object === null) return null
  const checked = checkNarInfo(object.text ?? '', {hash, where, keys: [key.publicKey]})
  const replace = {condition: {etag: object.etag}, info: checked.info}
  if (checked.kind === 'refused' || !isNarUrl(checked.info.url)) return replace
  if (isOld(object.modifiedAt, now())) return await bucket.touch(checked.info.url) && await bucket.touch(where) ? 'good' : replace
  return !doubts || await bucket.head(checked.info.url) !== null ? 'good' : replace
}

/** An error, with what helps where the store itself is wrong. */
function ofLocalPath(error: unknown, {path}: LocalPath): unknown {
  if (!(error instanceof NixError) || error.code !== 'NAR_CHANGED') return error
  return new NixError(error.message, {
    code: 'LOCAL_PATH_CHANGED', exit: EXIT.verification, suggestions: [`nix-store --verify-path ${path}`, `nix-store --repair-path ${path}`], cause: error,
  })
}
