import {checkNarInfo} from '../../lib/closure/check-narinfo.ts'
import {MAX_NARINFO, type NarInfo} from '../../lib/closure/narinfo.ts'
import {shownUrl} from '../../lib/closure/cache-options.ts'
import {STORE_DIR} from '../../lib/nix/store-path.ts'
import type {PublicKey} from '../../lib/signing/nix-key.ts'
import type {CacheSource, Report} from './source.ts'
import {UpstreamDown, UpstreamOdd, type UpstreamClient} from './upstream-client.ts'

export interface UpstreamSource extends CacheSource {
  /** Whether Nix got this path from it. */
  gave(hash: string): boolean
}

/**
 * A binary cache upstream. One that cannot be reached is asked once, which is said, and then no more in this build.
 * @param url as the flags have it
 * @param trusted keys whose signatures count
 */
export function upstreamSource(url: string, name: string, {client, trusted, report}: {client: UpstreamClient; trusted: readonly PublicKey[]; report: Report}): UpstreamSource {
  const shown = shownUrl(url)
  const found = new Map<string, Promise<NarInfo | null>>()
  const given = new Set<string>()
  let opened: Promise<boolean> | null = null
  let isDown = false

  /** Nothing is asked of it before it has shown what it is: many lookups start at the same moment. */
  function isOpen(): Promise<boolean> {
    return opened ??= trying(async () => {
      const info = await client.text('nix-cache-info', 65_536).catch((error: unknown) => {
        throw error instanceof UpstreamOdd ? new UpstreamDown(`it is no binary cache: of nix-cache-info ${error.message}`) : error
      })
      const store = /^StoreDir: *(.*)$/m.exec(info ?? '')?.[1]
      if (info === null || store === undefined) throw new UpstreamDown('it is no binary cache: it has no nix-cache-info')
      if (store !== STORE_DIR) throw new UpstreamDown(`its store is ${store}`)
      return true
    }, false)
  }

  async function trying<Result>(request: () => Promise<Result>, otherwise: Result): Promise<Result> {
    if (isDown) return otherwise
    try {
      return await request()
    } catch (error) {
      if (!(error instanceof UpstreamDown)) throw error
      isDown = true
      report(`${shown} cannot be used in this build (${error.message}): what it has is built here.`)
      return otherwise
    }
  }

  async function find(hash: string): Promise<NarInfo | null> {
    if (!await isOpen()) return null
    const text = await trying(() => client.text(`${hash}.narinfo`, MAX_NARINFO), null).catch((error: unknown) => {
      if (!(error instanceof UpstreamOdd)) throw error
      report(`${shown}/${hash}.narinfo is refused: ${error.message}.`)
      return null
    })
    if (text === null) return null
    const checked = checkNarInfo(text, {hash, where: `${shown}/${hash}.narinfo`, keys: trusted})
    if (checked.kind === 'good') return checked.info
    // The key is said once for all its paths, and what is wrong with one path for that one.
    report(checked.untrusted.length === 0
      ? `${shown}/${hash}.narinfo is refused: ${checked.reason}.`
      : `${shown} signs with ${checked.untrusted.join(', ')}, which is not trusted, so nothing is taken from there.\n`
        + `Try: --option extra-trusted-public-keys "${checked.untrusted.map(key => `${key}:...`).join(' ')}" in NIX_BUILD_FLAGS, with the key that the cache's owner publishes`)
    return null
  }

  return {
    name,

    lookup(hash) {
      const known = found.get(hash)
      if (known) return known
      const info = find(hash)
      found.set(hash, info)
      return info
    },

    open: (info, range) => range ? Promise.resolve(null) : trying(() => client.stream(info.url), null),

    refuse(hash, reason) {
      found.set(hash, Promise.resolve(null))
      report(`${shown}/${hash}.narinfo is refused: ${reason}.`)
    },

    served: hash => given.add(hash),
    gave: hash => given.has(hash),
  }
}
