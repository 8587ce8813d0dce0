import {EXIT, NixError} from '../errors.ts'
import {settingsInFlags, wordsOf} from '../nix/flag-settings.ts'
import {parsePublicKey, type PublicKey} from '../signing/nix-key.ts'

/** Where finished paths may come from beside the bucket, and whose word is taken for them. */
export interface CacheOptions {
  /** URLs of caches that speak HTTP, in order */
  upstreams: string[]
  /** what Nix must ask by itself: `s3://`, `ssh://`, `file://` */
  others: string[]
  /** `name:base64`, in order */
  publicKeys: PublicKey[]
}

export const NIXOS_CACHE = 'https://cache.nixos.org'
export const NIXOS_KEY = 'cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY='

/** The settings' own names and those that they had before Nix 2. */
const SETTINGS: Readonly<Record<string, 'keys' | 'substituters'>> = {
  substituters: 'substituters', 'binary-caches': 'substituters',
  'trusted-public-keys': 'keys', 'binary-cache-public-keys': 'keys',
}

/**
 * The caches and keys that Nix would use with these flags (`--option NAME VALUE`, `--NAME VALUE`, `extra-` adds), starting
 * from its own defaults.
 * @param flags split into words
 * @throws NixError BAD_PUBLIC_KEY, BAD_SUBSTITUTER
 */
export function cacheOptions(flags: readonly string[]): CacheOptions {
  const values = {substituters: [NIXOS_CACHE], keys: [NIXOS_KEY]}
  for (const {name, value, adds} of settingsInFlags(flags, Object.keys(SETTINGS))) {
    const setting = SETTINGS[name]
    if (setting !== undefined) values[setting] = [...(adds ? values[setting] : []), ...wordsOf(value)]
  }

  const substituters = [...new Set(values.substituters.map(url => url.replace(/\/+$/, '')))]
  const isHttp = (url: string) => /^https?:\/\//i.test(url)
  return {
    upstreams: substituters.filter(isHttp).map(checkedUrl),
    others: substituters.filter(url => !isHttp(url)),
    publicKeys: [...new Set(values.keys)].map(parsePublicKey),
  }
}

function checkedUrl(url: string): string {
  if (!URL.canParse(url)) {
    throw new NixError(`NIX_BUILD_FLAGS names the substituter ${JSON.stringify(url)}, which is no URL.`, {
      code: 'BAD_SUBSTITUTER', exit: EXIT.setup, suggestions: ['heroku config:set NIX_BUILD_FLAGS=...'],
    })
  }

  return url
}

/** A cache's URL as it may be shown: without a name and password, and without what comes after a question mark. */
export function shownUrl(url: string): string {
  const {protocol, host, pathname} = new URL(url)
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`
}
