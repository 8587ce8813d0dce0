import {createReadStream} from 'node:fs'
import type {Bucket} from '../bucket/bucket.ts'
import type {LayerObject} from '../build/record.ts'
import {stays} from '../gc/stays.ts'
import {ownClock, type Waiting} from '../gc/sweep-mark.ts'
import type {SecretKey} from '../signing/nix-key.ts'
import {noteLayer} from './noted-layers.ts'
import {readPacked, type Packed} from './read-packed.ts'

export interface Published {
  /** as the bucket has it now */
  layer: LayerObject
  /** `mended`: something else lay where it belongs */
  kind: 'mended' | 'stored' | 'there'
}

/**
 * Puts a layer into the bucket, and a signed note of it. A layer that is there already is taken, also one that another kind of
 * CPU compressed to other bytes; what has another content was changed by somebody, and is written over.
 * @param file where its bytes are
 */
export async function publishLayer(
  bucket: Pick<Bucket, 'head' | 'put' | 'read' | 'stream' | 'touch'>, layer: LayerObject, {file, key, waiting = ownClock}: {file: string; key: SecretKey; waiting?: Waiting},
): Promise<Published> {
  // One that is there must not be swept now; whether its bytes are right is looked at in any case.
  await stays(bucket, layer.key, waiting)
  const published = await store(bucket, layer, file)
  await noteLayer(bucket, published.layer, key)
  return published
}

async function store(bucket: Pick<Bucket, 'head' | 'put' | 'stream'>, layer: LayerObject, file: string): Promise<Published> {
  const put = (condition?: 'absent') => bucket.put(layer.key, {file}, {contentType: 'application/gzip', ...(condition && {condition})})
  // Asked first, because a refusal comes only after all bytes were sent.
  if (await bucket.head(layer.key) === null && (await put('absent')).kind === 'stored') return {layer, kind: 'stored'}
  const there = await packedIn(bucket, layer.key)
  if (there?.sha256 === layer.sha256) return {layer, kind: 'there'}
  if (there !== null && there.contentSha256 === (await readPacked(createReadStream(file)))?.contentSha256) {
    return {layer: {...layer, sha256: there.sha256, size: there.size}, kind: 'there'}
  }

  await put()
  return {layer, kind: 'mended'}
}

async function packedIn(bucket: Pick<Bucket, 'stream'>, key: string): Promise<Packed | null> {
  const object = await bucket.stream(key)
  return object && readPacked(object.body)
}
