import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {EXIT, NixError} from '../errors.ts'
import {MAX_SWEEP_NOTE, parseSweepNote, SWEEP_LEASE, type SweepNote} from './sweep-mark.ts'

/** Well within the lease, so that who waits for the sweep never takes it for ended. */
const RENEW_MS = 5 * 60_000
/** Somebody may have taken over from here on. */
const MAX_HOLD_MS = SWEEP_LEASE / 2

/** Says in the bucket that somebody sweeps, which builds and pushes look at. */
export interface SweepGate {
  /** when it was opened, by the bucket's clock */
  openedAt: Date
  /** To be awaited before each deletion. @throws NixError SWEEP_LOST where it took so long that somebody else may sweep */
  hold(): Promise<void>
  close(): Promise<void>
}

/**
 * @param options.sweep random
 * @param options.elapsed milliseconds, of a clock that nobody sets
 * @throws NixError SWEEP_RUNNING
 */
export async function openSweepGate(
  bucket: Pick<Bucket, 'head' | 'name' | 'put' | 'read'>, {sweep, now, elapsed}: {sweep: string; now: () => Date; elapsed: () => number},
): Promise<SweepGate> {
  const found = await bucket.read(keys.sweep, {maxBytes: MAX_SWEEP_NOTE})
  if (found !== null && parseSweepNote(found.bytes)?.state === 'sweeping' && now().getTime() - found.modifiedAt.getTime() < SWEEP_LEASE) {
    throw new NixError(`Somebody else sweeps bucket ${bucket.name} since ${found.modifiedAt.toISOString()}, or did not end it in order.`, {
      code: 'SWEEP_RUNNING', exit: EXIT.unavailable, suggestions: ['heroku nix:cache:gc, half an hour later at the latest'],
    })
  }

  let etag = found?.etag ?? null
  let writtenAt = 0
  let count = 0
  async function write(state: SweepNote['state']): Promise<void> {
    // Each is another object, so that two sweeps can be told apart, and two moments of one.
    const note: SweepNote & {count: number} = {version: 1, sweep, state, at: now().toISOString(), count: count++}
    const at = elapsed()
    const put = await bucket.put(keys.sweep, Buffer.from(`${JSON.stringify(note)}\n`), {condition: etag === null ? 'absent' : {etag}, contentType: 'application/json'})
    if (put.kind === 'refused') throw lost(bucket.name)
    etag = put.etag
    writtenAt = at
  }

  await write('sweeping')
  return {
    openedAt: (await bucket.head(keys.sweep))?.modifiedAt ?? now(),
    async hold() {
      const held = elapsed() - writtenAt
      if (held > MAX_HOLD_MS) throw lost(bucket.name)
      if (held > RENEW_MS) await write('sweeping')
    },
    close: () => write('done'),
  }
}

function lost(name: string): NixError {
  return new NixError(`This sweep of bucket ${name} was slept over, or somebody else began one; it ends here.`, {
    code: 'SWEEP_LOST', exit: EXIT.unavailable, suggestions: ['heroku nix:cache:gc, which goes on from here'],
  })
}
