import {writeFile} from 'node:fs/promises'
import type {Bucket} from '../../lib/bucket/bucket.ts'
import {narPacker} from '../../lib/cache/nar-packer.ts'
import {cacheOptions} from '../../lib/closure/cache-options.ts'
import type {SecretKey} from '../../lib/signing/nix-key.ts'
import type {Substituters} from '../build/substituters.ts'
import {bucketSource} from './bucket-source.ts'
import {startCacheServer} from './cache-server.ts'
import {pathStore} from './path-store.ts'
import {postBuildHook} from './post-build-hook.ts'
import {registrations} from './registrations.ts'
import {putPaths} from './put-paths.ts'
import {receivedNars} from './received-nars.ts'
import {reuse} from './reuse.ts'
import {saver, type Saved, type Saver} from './saver.ts'
import type {Report} from './source.ts'
import {spool} from './spool.ts'
import {upstreamClient} from './upstream-client.ts'
import {upstreamSource} from './upstream-source.ts'

export interface ClosureCacheOptions {
  bucket: Bucket
  /** signs what is saved; its public half is trusted */
  key: SecretKey
  /** NIX_BUILD_FLAGS, split into words */
  flags: readonly string[]
  upstream: 'copy' | 'skip'
  /** for what is being saved; made when it is missing */
  folder: string
  /** where the post-build hook is written */
  hookFile: string
  canonical: string
  database: string
  report: Report
  wait: (ms: number) => Promise<void>
  now?: () => Date
  /** When it aborts, what was built is still saved, for as long as Heroku lets a dyno live after SIGTERM. */
  signal: AbortSignal
  /** Whether a path holds what is good for our own dynos alone. */
  isTainted?: (baseName: string) => Promise<boolean>
}

/** `/nix/store/HASH-NAME`, and what came of it. */
export type SavedPath = Saved & {path: string}

/** The closure's way between Nix and the bucket, for one build. */
export interface ClosureCache {
  substituters: Substituters
  /** From now on, what Nix registers is saved. Nix is installed, and has built nothing yet. */
  watch(): void
  /** Saves what is left; it never fails, but says what could not be saved. @returns what came of each path */
  finish(): Promise<SavedPath[]>
  close(): Promise<void>
}

/** Compressed NARs from upstream that wait to be saved may take this much of the disk. */
const MAX_SPOOL = 1024 ** 3
/** Sources and what was substituted come without a hook. */
const LOOK_MS = 1000
const MAX_SAID = 30
/** Of the 30 s after SIGTERM; the log and the record come last. */
const HURRY_MS = 16_000

export async function startClosureCache(options: ClosureCacheOptions): Promise<ClosureCache> {
  const {bucket, key, folder, hookFile, upstream, wait, now = () => new Date()} = options
  const {upstreams, others, publicKeys} = cacheOptions(options.flags)
  const trusted = [key.publicKey, ...publicKeys]
  const report = once(options.report)
  const kept = spool(folder, MAX_SPOOL)
  const inBucket = bucketSource(bucket, {trusted, report, now})
  const reused = reuse(bucket, {inBucket, now, wait, report})
  const sources = upstreams.map((url, n) => upstreamSource(url, nameOf(url, n, upstreams), {client: upstreamClient(url, {wait}), trusted, report}))
  let saving: Saver | null = null
  const isTainted = options.isTainted ?? (() => Promise.resolve(false))
  let paths: ReturnType<typeof registrations> | null = null
  const puts = putPaths({
    bucket, key, trusted, inBucket, reused, isTainted, now, nars: receivedNars(`${folder}/put`), registered: path => paths?.of(path) ?? null,
    isUpstream: async hash => upstream === 'skip' && (await Promise.all(sources.map(source => source.lookup(hash)))).some(info => info !== null),
  })
  const server = await startCacheServer([
    {source: inBucket, spool: null, puts}, ...sources.map(source => ({source, spool: upstream === 'copy' ? kept : null})),
  ], async () => saving?.notice())
  await writeFile(hookFile, postBuildHook(server.port), {mode: 0o755})
  let timer: NodeJS.Timeout | null = null
  const packer = narPacker()
  const store = pathStore({
    bucket, key, folder, upstream, now, inBucket, reused, packer, isTainted, spool: kept, canonical: options.canonical,
    gaveUpstream: hash => sources.some(source => source.gave(hash)),
  })
  const lastMoment = new AbortController()
  onAbort(options.signal, () => setTimeout(() => lastMoment.abort(), HURRY_MS).unref())

  /** Told to stop, also when that happens meanwhile, it saves only what was built. */
  async function untilHurried(running: Saver): Promise<Map<string, Saved>> {
    const hurried = new Promise<Map<string, Saved>>((resolve, reject) => {
      onAbort(options.signal, () => void running.finish(lastMoment.signal).then(resolve, reject))
    })
    return options.signal.aborted ? hurried : Promise.race([running.finish(null), hurried])
  }

  /** Also of what was put: whoever put it has gone, so that is said. */
  async function lostTo(saved: readonly string[]): Promise<string[]> {
    const known = new Set(saved)
    const put = puts.saved().map(({path}) => path).filter(path => !known.has(path))
    const gone = await reused.lost([...saved, ...put])
    for (const path of gone) if (!known.has(path)) report(`${path} was swept (nix:cache:gc) while it was put, and is not in the bucket: put it again.`)
    return gone.filter(path => known.has(path))
  }

  return {
    substituters: {urls: [...server.urls, ...others], trusted, postBuildHook: hookFile},

    watch() {
      paths = registrations(options.database)
      saving = saver({registrations: paths, store, since: paths.lastId(), lost: lostTo})
      timer = setInterval(() => {
        // A look that fails is made up for by the next one.
        saving?.notice().catch(() => undefined)
      }, LOOK_MS)
    },

    async finish() {
      if (timer) clearInterval(timer)
      try {
        const results = saving ? [...await untilHurried(saving)].map(([path, saved]) => ({path, ...saved})) : []
        const failure = results.find(result => result.kind === 'failed')
        if (failure) report(`Not all was saved: ${messageOf(failure.error)}`)
        const known = new Set(results.map(({path}) => path))
        return [...results, ...puts.saved().filter(({path}) => !known.has(path))]
      } catch (error) {
        report(`Nothing more could be saved: ${messageOf(error)}`)
        return []
      }
    },

    async close() {
      if (timer) clearInterval(timer)
      packer[Symbol.dispose]()
      await server.close()
      paths?.close()
    },
  }
}

/** A cache's host; two of one host are told apart. */
function nameOf(url: string, n: number, all: readonly string[]): string {
  const host = (other: string) => new URL(other).host.replaceAll(':', '-')
  return all.some((other, m) => m !== n && host(other) === host(url)) ? `${host(url)}-${n + 1}` : host(url)
}

function onAbort(signal: AbortSignal, act: () => void): void {
  if (signal.aborted) act()
  else signal.addEventListener('abort', act, {once: true})
}

/** Says each thing once, whoever finds it out, and not without end. */
function once(report: Report): Report {
  const said = new Set<string>()
  return text => {
    if (said.has(text) || said.size >= MAX_SAID) return
    said.add(text)
    report(said.size === MAX_SAID ? 'More of this kind is not shown.' : text)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
