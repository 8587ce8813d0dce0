import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import type {LayerObject} from '../build/record.ts'
import {NixError} from '../errors.ts'
import {stays} from '../gc/stays.ts'
import {ownClock, type Waiting} from '../gc/sweep-mark.ts'
import type {PublicKey, SecretKey} from '../signing/nix-key.ts'
import {isLayerSignedBy, parseLayerNote, signLayer} from './layer-note.ts'

const MAX_BYTES = 4096

export interface FindLayerOptions {
  /** layerDigest of what is wanted */
  digest: string
  key: PublicKey
  /** Hears, in a sentence, of a note that counts as none. */
  onRefused: (reason: string) => void
  waiting?: Waiting
}

/** Looks up a layer that was made before, by what it is made from, and keeps it from being swept. @returns null: it is to be made */
export async function findLayer(bucket: Pick<Bucket, 'head' | 'read' | 'touch'>, {digest, key, onRefused, waiting = ownClock}: FindLayerOptions): Promise<LayerObject | null> {
  const noteKey = keys.layerNote(digest, key.name)
  const object = await bucket.read(noteKey, {maxBytes: MAX_BYTES}).catch((error: unknown) => {
    if (error instanceof NixError && error.code === 'OBJECT_TOO_LARGE') return {bytes: Buffer.alloc(0)}
    throw error
  })
  if (!object) return null
  const layer = trusted(object.bytes, noteKey, digest, key, onRefused)
  if (!layer) return null
  // Its bytes are checked by whoever reads them; one of another size needs not even be read.
  if ((await bucket.head(layer.key))?.size !== layer.size) return null
  return await stays(bucket, layer.key, waiting) && await stays(bucket, noteKey, waiting) ? layer : null
}

function trusted(bytes: Buffer, noteKey: string, digest: string, key: PublicKey, onRefused: (reason: string) => void): LayerObject | null {
  try {
    const note = parseLayerNote(bytes, noteKey)
    if (note.layer.digest === digest && isLayerSignedBy(note, key)) return note.layer
    onRefused(`${noteKey} is not signed with NIX_SIGNING_KEY's key "${key.name}" for this layer, so it is not used.`)
  } catch (error) {
    if (!(error instanceof NixError)) throw error
    onRefused(`${error.message.replace(/\.$/, '')}, so it is not used.`)
  }

  return null
}

/** Says of a layer that lies in the bucket which bytes are right. The same layer gives the same note, so it may be written again. */
export async function noteLayer(bucket: Pick<Bucket, 'put'>, layer: LayerObject, key: SecretKey): Promise<void> {
  const note = signLayer(layer, key)
  await bucket.put(keys.layerNote(layer.digest, key.name), Buffer.from(`${JSON.stringify(note)}\n`), {contentType: 'application/json'})
}
