import {formatPublicKey, type PublicKey} from '../../lib/signing/nix-key.ts'

/** Where Nix gets finished paths from: the cache on loopback, and what it must ask by itself. */
export interface Substituters {
  /** URLs, in order */
  urls: readonly string[]
  /** whose signatures count */
  trusted: readonly PublicKey[]
  /** absolute path of the program that Nix runs after each build */
  postBuildHook: string
}

/** The nix.conf settings that say where finished paths come from, and who is told of new ones. */
export function substituterSettings({urls, trusted, postBuildHook}: Substituters): Record<string, string> {
  return {
    ...listed(urls, trusted),
    'post-build-hook': postBuildHook,
    // What cannot be had is built.
    fallback: 'true',
    'connect-timeout': '5',
    'download-attempts': '3',
    // The cache itself waits for a source that stalls, and tells it.
    'stalled-download-timeout': '120',
  }
}

/**
 * Arguments that come after the user's flags: those may add substituters, which the cache then asks in their order, but
 * not remove the bucket, nor the hook by which it is told what was built.
 */
export function substituterArguments({urls, trusted, postBuildHook}: Substituters): string[] {
  return Object.entries({...listed(urls, trusted), substitute: 'true', 'post-build-hook': postBuildHook}).flatMap(([name, value]) => ['--option', name, value])
}

function listed(urls: readonly string[], trusted: readonly PublicKey[]): Record<string, string> {
  return {substituters: urls.join(' '), 'trusted-public-keys': trusted.map(formatPublicKey).join(' ')}
}
