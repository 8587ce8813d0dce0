import type {Bucket} from '../../lib/bucket/bucket.ts'
import {keys} from '../../lib/bucket/keys.ts'
import {shelfKey} from '../../lib/cache/shelf.ts'
import {isOld} from '../../lib/gc/ages.ts'
import {sweepMark, unswept} from '../../lib/gc/sweep-mark.ts'
import {baseNameOf, hashPartOf} from '../../lib/nix/store-path.ts'
import {allOf} from '../../lib/restore/parallel.ts'
import type {BucketSource, Holding} from './bucket-source.ts'
import type {Report} from './source.ts'

/** Keeps what a build relies on from being swept by nix:cache:gc. */
export interface Reuse {
  /** Touches a path that is old. False: it has gone. */
  keep(hash: string, held: Holding & {kind: 'good'}): Promise<boolean>
  /** Which of these paths a sweep took away that had decided before they were touched. */
  lost(paths: readonly string[]): Promise<string[]>
}

/** requests at once */
const WIDTH = 16

export interface ReuseOptions {
  inBucket: Pick<BucketSource, 'forget' | 'holding' | 'refuse'>
  now: () => Date
  wait: (ms: number) => Promise<void>
  report: Report
}

export function reuse(bucket: Pick<Bucket, 'head' | 'read' | 'touch'>, {inBucket, now, wait, report}: ReuseOptions): Reuse {
  const first = sweepMark(bucket)
  // Whoever asks for it hears of a failure.
  first.catch(() => undefined)
  let last: string | null = null

  async function isThere(path: string): Promise<boolean> {
    const hash = hashPartOf(baseNameOf(path))
    const held = await inBucket.holding(hash)
    // What stays upstream was never there.
    if (held.kind !== 'good') return true
    const found = await Promise.all([keys.narinfo(hash), held.info.url].map(key => bucket.head(shelfKey(held.shelf, key))))
    if (!found.includes(null)) return true
    inBucket.forget(hash)
    // A narinfo whose NAR has gone is written over; what is known of its own version may be older.
    if ((await inBucket.holding(hash)).kind === 'good') inBucket.refuse(hash, `its NAR ${held.info.url} has gone`)
    return false
  }

  return {
    async keep(hash, {info, shelf, modifiedAt}) {
      if (!isOld(modifiedAt, now())) return true
      // The NAR first: it is never much older than what names it.
      return await bucket.touch(shelfKey(shelf, info.url)) && bucket.touch(shelfKey(shelf, keys.narinfo(hash)))
    },

    async lost(paths) {
      const before = last ?? await first
      last = await unswept(bucket, {now, wait, onWait: () => report('The bucket is being swept (nix:cache:gc); this build waits for that to end.')})
      if (last === before) return []
      const there = await allOf(paths, WIDTH, isThere)
      return paths.filter((_, n) => there[n] === false)
    },
  }
}
