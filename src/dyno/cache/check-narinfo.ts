import {parseCompression} from '../../lib/closure/compression.ts'
import {namedSigners, signerOf} from '../../lib/closure/narinfo-signature.ts'
import {parseNarInfo, type NarInfo} from '../../lib/closure/narinfo.ts'
import {NixError} from '../../lib/errors.ts'
import {baseNameOf, hashPartOf} from '../../lib/nix/store-path.ts'
import type {PublicKey} from '../../lib/signing/nix-key.ts'

export type CheckedNarInfo = {kind: 'good'; info: NarInfo} | {kind: 'refused'; reason: string; /** it says who signed it, and nobody trusts these */ untrusted: string[]}

/**
 * Whether a narinfo may be believed: it is of the path that was asked for, and a trusted key signed it.
 * @param where for messages
 */
export function checkNarInfo(text: string, {hash, where, keys}: {hash: string; where: string; keys: readonly PublicKey[]}): CheckedNarInfo {
  const refused = (reason: string, untrusted: string[] = []): CheckedNarInfo => ({kind: 'refused', reason, untrusted})
  try {
    const info = parseNarInfo(text, where)
    parseCompression(info.compression)
    if (hashPartOf(baseNameOf(info.storePath)) !== hash) return refused(`it is of ${info.storePath}`)
    if (signerOf(info, keys)) return {kind: 'good', info}
    const names = namedSigners(info)
    const known = names.filter(name => keys.some(key => key.name === name))
    if (names.length === 0) return refused(`${info.storePath} is not signed`)
    if (known.length > 0) return refused(`the signature of ${known.join(', ')} on ${info.storePath} is forged`)
    return refused(`${info.storePath} is signed by ${names.join(', ')} alone`, names)
  } catch (error) {
    if (error instanceof NixError) return refused(error.message)
    throw error
  }
}
