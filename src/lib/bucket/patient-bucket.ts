import type {NixError} from '../errors.ts'
import type {Bucket} from './bucket.ts'
import {isPassing} from './s3-error.ts'

export interface Patience {
  /** Seconds to wait before each further try; as many tries as there are waits, and one. */
  waits: readonly number[]
  wait: (seconds: number) => Promise<void>
  /** Called before each wait. */
  onWait?: (error: NixError, seconds: number) => void
}

/** Seconds: an outage of the bucket ends the showing of a log, not the build, so it is waited out for a while. */
export const FOLLOW_WAITS = [1, 2, 4, 8, 15]

/** What a long build may wait for its bucket: two minutes in all. */
export const BUILD_WAITS = [1, 2, 4, 8, 15, 30, 30, 30]

/**
 * The same bucket, but an outage is waited out. What is read from a stream can be sent once only, so such a `put`
 * is not tried again; nor are a body under way and a listing.
 */
export function patientBucket(bucket: Bucket, {waits, wait, onWait = () => undefined}: Patience): Bucket {
  async function patiently<Result>(request: () => Promise<Result>): Promise<Result> {
    for (const seconds of waits) {
      try {
        return await request()
      } catch (error) {
        if (!isPassing(error)) {
          throw error
        }

        onWait(error, seconds)
        await wait(seconds)
      }
    }

    return request()
  }

  return {
    name: bucket.name,
    head: key => patiently(() => bucket.head(key)),
    read: (key, options) => patiently(() => bucket.read(key, options)),
    stream: (key, options) => patiently(() => bucket.stream(key, options)),
    fill: (key, into, options) => patiently(() => bucket.fill(key, into, options)),
    put: (key, body, options) => 'stream' in body ? bucket.put(key, body, options) : patiently(() => bucket.put(key, body, options)),
    touch: key => patiently(() => bucket.touch(key)),
    list: (prefix, options) => bucket.list(prefix, options),
    delete: removed => patiently(() => bucket.delete(removed)),
    presign: (method, key, options) => bucket.presign(method, key, options),
  }
}
