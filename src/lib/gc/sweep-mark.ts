import {setTimeout as delay} from 'node:timers/promises'
import * as v from 'valibot'
import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'

/** What the bucket says of sweeps, `heroku/sweep.json`. Whoever sweeps writes it first, again and again, and last. */
export interface SweepNote {
  version: 1
  /** random */
  sweep: string
  state: 'done' | 'sweeping'
  /** ISO 8601 */
  at: string
}

export const MAX_SWEEP_NOTE = 4096
/** A sweep that has not written for so long has ended, however it did. */
export const SWEEP_LEASE = 30 * 60_000
/** milliseconds between two looks at a sweep that is under way */
const LOOK_MS = 2000

const schema = v.object({version: v.literal(1), sweep: v.string(), state: v.picklist(['done', 'sweeping']), at: v.string()})

export interface Waiting {
  now: () => Date
  wait: (ms: number) => Promise<void>
  /** Called once, if there is a sweep to wait for. */
  onWait?: () => void
}

export const ownClock: Waiting = {now: () => new Date(), wait: ms => delay(ms)}

/** Null for what is no note: nobody sweeps. */
export function parseSweepNote(bytes: Uint8Array): SweepNote | null {
  try {
    const parsed = v.safeParse(schema, JSON.parse(Buffer.from(bytes).toString()))
    return parsed.success ? parsed.output : null
  } catch {
    // What is no JSON is no note.
    return null
  }
}

/** Changes with each sweep that begins, goes on or ends. */
export async function sweepMark(bucket: Pick<Bucket, 'read'>): Promise<string> {
  return (await bucket.read(keys.sweep, {maxBytes: MAX_SWEEP_NOTE}))?.etag ?? 'never'
}

/**
 * Waits until nobody sweeps.
 * @returns the mark; where it is that of an earlier moment, nobody has swept in between
 */
export async function unswept(bucket: Pick<Bucket, 'read'>, {now, wait, onWait = () => undefined}: Waiting): Promise<string> {
  for (let looks = 0; ; looks += 1) {
    const found = await bucket.read(keys.sweep, {maxBytes: MAX_SWEEP_NOTE})
    const isUnderWay = found !== null && parseSweepNote(found.bytes)?.state === 'sweeping' && now().getTime() - found.modifiedAt.getTime() < SWEEP_LEASE
    if (!isUnderWay) return found?.etag ?? 'never'
    if (looks === 0) onWait()
    await wait(LOOK_MS)
  }
}
