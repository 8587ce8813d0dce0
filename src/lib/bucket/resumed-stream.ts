import {Readable} from 'node:stream'
import {isPassing} from './s3-error.ts'

/**
 * So much must come before earlier failures are forgotten. If one byte were enough, a connection that always breaks after a
 * little would be opened again for each little bit of an object.
 */
export const FORGIVEN_AFTER = 1024 * 1024

/**
 * A body that goes on where it broke: when the connection ends early, `open` is asked for the rest.
 * @param open a stream from this byte on
 * @param size bytes of the whole
 * @param attempts that may fail in a row: without FORGIVEN_AFTER bytes between them
 * @param wait before the attempt after the nth failure in a row (n from 1)
 * @param explain what the reader gets for a failure that ends it
 */
export function resumedStream(
  first: Readable, {open, size, attempts, wait, explain}: {
    open: (from: number) => Promise<Readable>; size: number; attempts: number; wait: (attempt: number) => Promise<void>
    explain: (error: unknown) => Error
  },
): Readable {
  return Readable.from(bytes(), {objectMode: false})

  async function* bytes(): AsyncGenerator<Buffer> {
    let done = 0
    let failures = 0
    let sinceFailure = 0
    let body: Readable | null = first
    for (;;) {
      try {
        body ??= await open(done)
        for await (const chunk of body as AsyncIterable<Buffer>) {
          done += chunk.length
          sinceFailure += chunk.length
          if (sinceFailure >= FORGIVEN_AFTER) {
            failures = 0
          }

          yield chunk
        }

        if (done >= size) {
          return
        }

        throw Object.assign(new Error(`The connection ended after ${done} of ${size} bytes.`), {code: 'ECONNRESET'})
      } catch (error) {
        failures += 1
        sinceFailure = 0
        const failure = explain(error)
        if (failures >= attempts || !isPassing(failure)) {
          throw failure
        }

        body = null
        await wait(failures)
      }
    }
  }
}
