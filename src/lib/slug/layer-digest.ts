import {createHash} from 'node:crypto'
import {compareBytes, fromText} from './byte-string.ts'

/** Changes whenever the same inputs would give other bytes: the tar's layout, member size, compression level. */
export const LAYER_FORMAT = 1

export interface LayerInputs {
  /** the run-time closure, in any order */
  closure: readonly {path: string; narHash: string}[]
  /** `/nix/store/HASH-NAME`: what `app/result` points to */
  result: string
  /** the text or the bytes of .slugexclude; null when there is none, which is not the same as an empty one */
  slugexclude: string | Uint8Array | null
  engine: 'proot' | 'relocate'
}

/** @returns sha256 (hex) over all that a layer is made from: what its key in the bucket is made of */
export function layerDigest({closure, result, slugexclude, engine}: LayerInputs): string {
  const paths = closure
    .map(({path, narHash}) => [path, narHash] as const)
    .sort(([a], [b]) => compareBytes(fromText(a), fromText(b)))
  const rules = slugexclude === null ? null : createHash('sha256').update(slugexclude).digest('hex')
  return createHash('sha256').update(JSON.stringify({format: LAYER_FORMAT, engine, result, rules, paths})).digest('hex')
}
