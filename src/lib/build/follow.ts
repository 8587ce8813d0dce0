import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import type {RecordStore} from './record-store.ts'
import {isFinished, type BuildRecord, type SucceededBuild, type UnsuccessfulBuild} from './record.ts'

/** How often the dyno writes to the record that it is alive. */
export const HEARTBEAT_MS = 3000

export type FollowEvent =
  | {kind: 'log'; bytes: Buffer}
  /** Once a round. `unchangedMs`: for how long, by this machine's clock, the record has stayed as it is. */
  | {kind: 'record'; record: BuildRecord; unchangedMs: number}

export interface FollowOptions {
  bucket: Pick<Bucket, 'read'>
  records: Pick<RecordStore, 'require'>
  app: string
  build: string
  /** Between two rounds. */
  wait: () => Promise<void>
  /** milliseconds, monotonic */
  now: () => number
}

/**
 * A build's log from its start, as it grows, and its record once a round; returns the finished record when the
 * whole log was given. Whether a build whose record does not change is lost is the caller's to decide.
 */
export async function* followBuild({bucket, records, app, build, wait, now}: FollowOptions): AsyncGenerator<FollowEvent, SucceededBuild | UnsuccessfulBuild> {
  let segment = 1
  let etag = ''
  let changedAt = now()
  for (;;) {
    // The record comes first: a finished one's log was whole before it, so what is read after it is all there is.
    const current = await records.require(build)
    if (current.etag !== etag) {
      etag = current.etag
      changedAt = now()
    }

    for (;;) {
      const object = await bucket.read(keys.log(app, build, segment), {maxBytes: 16 * 1024 * 1024})
      if (!object) {
        break
      }

      segment += 1
      yield {kind: 'log', bytes: object.bytes}
    }

    yield {kind: 'record', record: current.record, unchangedMs: now() - changedAt}
    if (isFinished(current.record)) {
      return current.record
    }

    await wait()
  }
}
