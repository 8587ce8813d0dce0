import type {PublishedPath} from '../../lib/cache/publish-path.ts'
import type {NarInfo} from '../../lib/closure/narinfo.ts'
import {signerOf} from '../../lib/closure/narinfo-signature.ts'
import {STORE_DIR} from '../../lib/nix/store-path.ts'
import type {PublicKey} from '../../lib/signing/nix-key.ts'

/**
 * What a narinfo that somebody put may say with the build's signature under it: what Nix itself has registered in this build, or
 * what a trusted key has signed. Every process of the dyno reaches the cache, builders among them, and what they run is not trusted:
 * else any of them could have signed whatever it likes to call glibc.
 * @param registered what Nix has registered of the path; null: nothing
 * @returns why it is not believed, as a string
 */
export function vouchedPath(info: NarInfo, {registered, trusted}: {registered: PublishedPath | null; trusted: readonly PublicKey[]}): PublishedPath | string {
  const {storePath, narHash, narSize, references, ca, deriver} = info
  if (registered !== null && registered.narHash === narHash && registered.narSize === narSize && registered.references.join(' ') === references.join(' ')) {
    return registered
  }

  const signatures = info.signatures.filter(signature => signerOf({...info, signatures: [signature]}, trusted) !== null)
  if (signatures.length > 0) {
    return {path: storePath, narHash, narSize, references, ca, signatures, deriver: deriver === null ? null : `${STORE_DIR}/${deriver}`}
  }

  return registered === null
    ? `${storePath} is not registered by this build's Nix, nor signed by a key that it trusts`
    : `this build's Nix has registered another ${storePath}, with hash ${registered.narHash}, and no key that it trusts has signed this one`
}
