import {isSignedBy, signText, type PublicKey, type SecretKey} from '../signing/nix-key.ts'
import type {NarInfo} from './narinfo.ts'

/** What a narinfo's signature is over: what a path is, not where its bytes lie (nix: ValidPathInfo::fingerprint). */
export function fingerprint({storePath, narHash, narSize, references}: Pick<NarInfo, 'narHash' | 'narSize' | 'references' | 'storePath'>): string {
  return `1;${storePath};${narHash};${narSize};${[...references].sort().join(',')}`
}

/** The same narinfo with this key's signature added, once. */
export function signNarInfo(info: NarInfo, key: SecretKey): NarInfo {
  const signature = signText(fingerprint(info), key)
  return {...info, signatures: [...info.signatures.filter(other => other !== signature), signature]}
}

/** The first of `keys` that signed it; null: none did. */
export function signerOf(info: NarInfo, keys: readonly PublicKey[]): PublicKey | null {
  const text = fingerprint(info)
  return keys.find(key => info.signatures.some(signature => isSignedBy(text, signature, key))) ?? null
}

/** Names of the keys that a narinfo says it is signed with. */
export function namedSigners({signatures}: Pick<NarInfo, 'signatures'>): string[] {
  return [...new Set(signatures.map(signature => signature.slice(0, Math.max(0, signature.indexOf(':')))).filter(name => name !== ''))]
}
