import * as v from 'valibot'
import {layerSchema} from '../build/parse-record.ts'
import type {LayerObject} from '../build/record.ts'
import {EXIT, NixError} from '../errors.ts'
import {isSignedBy, signText, type PublicKey, type SecretKey} from '../signing/nix-key.ts'

/** What who made a layer says of it beside it in the bucket, so that who needs the same need not make it again. */
export interface LayerNote {
  version: 1
  layer: LayerObject
  /** `name:base64`, over `signedText(layer)` */
  signature: string
}

export function signLayer(layer: LayerObject, key: SecretKey): LayerNote {
  return {version: 1, layer, signature: signText(signedText(layer), key)}
}

export function isLayerSignedBy({layer, signature}: LayerNote, key: PublicKey): boolean {
  return isSignedBy(signedText(layer), signature, key)
}

/** The digest is over all that the layer was made from; the rest says which bytes came of it. buildpack/lib/layer-text.jq makes the same. */
function signedText({digest, sha256, size, unpackedSize}: LayerObject): string {
  return `heroku-nix-layer-1\nlayer ${digest} ${sha256} ${size} ${unpackedSize}\n`
}

const schema = v.strictObject({version: v.literal(1), layer: layerSchema, signature: v.pipe(v.string(), v.maxLength(300))})

/**
 * Makes a note of an object's bytes.
 * @param where the object's key, for the message
 * @throws NixError BAD_LAYER_NOTE
 */
export function parseLayerNote(bytes: Uint8Array, where: string): LayerNote {
  let value: unknown = null
  try {
    value = JSON.parse(Buffer.from(bytes).toString())
  } catch {
    // What is no JSON is no object either, and the schema says so.
  }

  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  throw new NixError(`${where} is no note of a layer: ${v.getDotPath(result.issues[0]) ?? 'the whole'}.`, {code: 'BAD_LAYER_NOTE', exit: EXIT.verification})
}
