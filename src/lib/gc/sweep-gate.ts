import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {EXIT, NixError} from '../errors.ts'
import {MAX_SWEEP_NOTE, parseSweepNote, SWEEP_LEASE, type SweepNote} from './sweep-mark.ts'

/** Well within the lease, so that who waits for the sweep never takes it for ended. */
const RENEW_MS = 5 * 60_000
/** Somebody may have taken over from here on. */
const MAX_HOLD_MS = SWEEP_LEASE / 2

/** What a clock here may be ahead of the bucket's: ages are told by comparing the two. */
const MAX_SKEW_MS = 60 * 60_000

/** Says in the bucket that somebody sweeps, which builds and pushes look at. */
export interface SweepGate {
  /** To be awaited before each deletion. @throws NixError SWEEP_LOST where it took so long that somebody else may sweep */
  hold(): Promise<void>
  close(): Promise<void>
}

/**
 * @param options.sweep random
 * @param options.elapsed milliseconds, of a clock that nobody sets
 * @throws NixError SWEEP_RUNNING, CLOCK_SKEWED
 */
export async function openSweepGate(
  bucket: Pick<Bucket, 'head' | 'name' | 'put' | 'read'>, {sweep, now, elapsed}: {sweep: string; now: () => Date; elapsed: () => number},
): Promise<SweepGate> {
  const found = await bucket.read(keys.sweep, {maxBytes: MAX_SWEEP_NOTE})
  if (found !== null && parseSweepNote(found.bytes)?.state === 'sweeping' && now().getTime() - found.modifiedAt.getTime() < SWEEP_LEASE) {
    throw running(bucket.name, found.modifiedAt)
  }

  let etag = found?.etag ?? null
  let writtenAt = 0
  let count = 0
  async function write(state: SweepNote['state']): Promise<void> {
    // Each is another object, so that two sweeps can be told apart, and two moments of one.
    const note: SweepNote & {count: number} = {version: 1, sweep, state, at: now().toISOString(), count: count++}
    const at = elapsed()
    const put = await bucket.put(keys.sweep, Buffer.from(`${JSON.stringify(note)}\n`), {condition: etag === null ? 'absent' : {etag}, contentType: 'application/json'})
    if (put.kind === 'refused') throw count === 1 ? running(bucket.name, now()) : lost(bucket.name)
    etag = put.etag
    writtenAt = at
  }

  await write('sweeping')
  const ahead = now().getTime() - ((await bucket.head(keys.sweep))?.modifiedAt ?? now()).getTime()
  if (ahead > MAX_SKEW_MS) {
    await write('done')
    throw new NixError(`This machine's clock is ${Math.round(ahead / 60_000)} minutes ahead of the one of bucket ${bucket.name}: what is old cannot be told.`, {
      code: 'CLOCK_SKEWED', exit: EXIT.unavailable, suggestions: ['set the clock, then run the command again'],
    })
  }

  async function renew(): Promise<void> {
    const held = elapsed() - writtenAt
    if (held > MAX_HOLD_MS) throw lost(bucket.name)
    if (held > RENEW_MS) await write('sweeping')
  }

  let holding = Promise.resolve()
  return {
    // One write after the other: each goes over the last one's.
    hold: () => holding = holding.then(renew),
    close: () => write('done'),
  }
}

function running(name: string, since: Date): NixError {
  return new NixError(`Somebody else sweeps bucket ${name}, last heard of at ${since.toISOString()}, or did not end it in order. Nothing was deleted.`, {
    code: 'SWEEP_RUNNING', exit: EXIT.unavailable, suggestions: ['heroku nix:cache:gc, half an hour later at the latest'],
  })
}

function lost(name: string): NixError {
  return new NixError(`This sweep of bucket ${name} was slept over, or somebody else began one; it ends here.`, {
    code: 'SWEEP_LOST', exit: EXIT.unavailable, suggestions: ['heroku nix:cache:gc, which goes on from here'],
  })
}
