import {createHash} from 'node:crypto'
import type {Bucket} from '../bucket/bucket.ts'
import type {LayerObject} from '../build/record.ts'
import type {SecretKey} from '../signing/nix-key.ts'
import {noteLayer} from './noted-layers.ts'

/** `mended`: other bytes lay where these belong */
export type Published = 'mended' | 'stored' | 'there'

/**
 * Puts a layer into the bucket, and a signed note of it. Equal inputs give equal bytes, so what is there already is either the
 * same, or was changed by somebody and is written over.
 * @param file where its bytes are
 */
export async function publishLayer(bucket: Pick<Bucket, 'head' | 'put' | 'stream'>, layer: LayerObject, {file, key}: {file: string; key: SecretKey}): Promise<Published> {
  const published = await store(bucket, layer, file)
  await noteLayer(bucket, layer, key)
  return published
}

async function store(bucket: Pick<Bucket, 'head' | 'put' | 'stream'>, layer: LayerObject, file: string): Promise<Published> {
  // Asked first, because a refusal comes only after all bytes were sent.
  const found = await bucket.head(layer.key)
  if (found === null) {
    const {kind} = await bucket.put(layer.key, {file}, {condition: 'absent', contentType: 'application/gzip'})
    if (kind === 'stored') return 'stored'
  }

  if ((found === null || found.size === layer.size) && await sha256Of(bucket, layer.key) === layer.sha256) return 'there'
  await bucket.put(layer.key, {file}, {contentType: 'application/gzip'})
  return 'mended'
}

async function sha256Of(bucket: Pick<Bucket, 'stream'>, key: string): Promise<string | null> {
  const object = await bucket.stream(key)
  if (object === null) return null
  const hash = createHash('sha256')
  for await (const chunk of object.body) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
