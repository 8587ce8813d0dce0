import {NixError} from '../errors.ts'
import {baseNameOf, hashPartOf} from '../nix/store-path.ts'
import type {PublicKey} from '../signing/nix-key.ts'
import {parseCompression} from './compression.ts'
import {namedSigners, signerOf} from './narinfo-signature.ts'
import {parseNarInfo, type NarInfo} from './narinfo.ts'

export type CheckedNarInfo = {kind: 'good'; info: NarInfo} | {
  kind: 'refused'
  reason: string
  /** it says who signed it, and nobody trusts these */
  untrusted: string[]
  /** what it says, of the path that was asked for; null: that cannot be read */
  info: NarInfo | null
}

/**
 * Whether a narinfo may be believed: it is of the path that was asked for, and a trusted key signed it.
 * @param where for messages
 */
export function checkNarInfo(text: string, {hash, where, keys}: {hash: string; where: string; keys: readonly PublicKey[]}): CheckedNarInfo {
  const refused = (reason: string, info: NarInfo | null = null, untrusted: string[] = []): CheckedNarInfo => ({kind: 'refused', reason, untrusted, info})
  try {
    const info = parseNarInfo(text, where)
    parseCompression(info.compression)
    if (hashPartOf(baseNameOf(info.storePath)) !== hash) return refused(`it is of ${info.storePath}`)
    if (signerOf(info, keys)) return {kind: 'good', info}
    const names = namedSigners(info)
    const known = names.filter(name => keys.some(key => key.name === name))
    if (names.length === 0) return refused(`${info.storePath} is not signed`, info)
    if (known.length > 0) return refused(`the signature of ${known.join(', ')} on ${info.storePath} is forged`, info)
    return refused(`${info.storePath} is signed by ${names.join(', ')} alone`, info, names)
  } catch (error) {
    if (error instanceof NixError) return refused(error.message)
    throw error
  }
}
