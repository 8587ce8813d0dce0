import {Readable} from 'node:stream'
import {leaveGarbage, releaseMemory} from '../release-memory.ts'
import {isPassing} from './s3-error.ts'

/**
 * So much must come before earlier failures are forgotten. If one byte were enough, a connection that always breaks after a
 * little would be opened again for each little bit of an object.
 */
export const FORGIVEN_AFTER = 1024 * 1024

export interface Resuming {
  /** a stream from this byte on */
  open: (from: number) => Promise<Readable>
  /** bytes of the whole */
  size: number
  /** that may fail in a row: without FORGIVEN_AFTER bytes between them */
  attempts: number
  /** before the attempt after the nth failure in a row (n from 1) */
  wait: (attempt: number) => Promise<void>
  /** what the reader gets for a failure that ends it */
  explain: (error: unknown) => Error
}

/** A body that goes on where it broke: when the connection ends early, `open` is asked for the rest. */
export function resumedStream(first: Readable, resuming: Resuming): Readable {
  return Readable.from(resumedBytes(first, resuming), {objectMode: false})
}

/** The same as pieces. */
export async function* resumedBytes(first: Readable, {open, size, ...patience}: Resuming): AsyncGenerator<Buffer, void> {
  const tries = triesOf(patience)
  let done = 0
  for (let body: Readable | null = first; done < size || body === first; body = null) {
    try {
      for await (const chunk of (body ?? await open(done)) as AsyncIterable<Buffer>) {
        done += chunk.length
        tries.got(chunk.length)
        yield chunk
      }

      if (done < size) throw endedEarly(done, size)
    } catch (error) {
      await tries.failed(error)
    }
  }
}

/**
 * The same into memory. What a socket gave is copied and its memory given back piece by piece, which a stream's reader cannot do: it
 * gets what lies ready as one, and the pieces are left to be collected.
 */
export async function fillResumed(first: Readable, into: Uint8Array, {open, size, ...patience}: Resuming): Promise<void> {
  const tries = triesOf(patience)
  let done = 0
  for (let body: Readable | null = first; done < size || body === first; body = null) {
    try {
      await eachPiece(body ?? await open(done), piece => {
        into.set(piece, done)
        done += piece.length
        tries.got(piece.length)
        // An answer that says how long it is comes in no chunks of its own: nothing else lies in what was read off the socket.
        releaseMemory(piece)
        // The socket's own buffer, of which this was a copy.
        leaveGarbage(piece.length)
      })
      if (done < size) throw endedEarly(done, size)
    } catch (error) {
      await tries.failed(error)
    }
  }
}

async function eachPiece(body: Readable, action: (piece: Buffer) => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    body.once('error', reject).once('end', resolve).once('close', () => reject(new Error('The connection was closed.')))
    body.on('data', (piece: Buffer) => {
      try {
        action(piece)
      } catch (error) {
        body.destroy(error as Error)
      }
    })
  })
}

/** Counts failures in a row. */
function triesOf({attempts, wait, explain}: Omit<Resuming, 'open' | 'size'>): {got: (bytes: number) => void; failed: (error: unknown) => Promise<void>} {
  let failures = 0
  let sinceFailure = 0
  return {
    got(bytes) {
      sinceFailure += bytes
      if (sinceFailure >= FORGIVEN_AFTER) {
        failures = 0
      }
    },
    async failed(error) {
      failures += 1
      sinceFailure = 0
      const failure = explain(error)
      if (failures >= attempts || !isPassing(failure)) {
        throw failure
      }

      await wait(failures)
    },
  }
}

function endedEarly(done: number, size: number): Error {
  return Object.assign(new Error(`The connection ended after ${done} of ${size} bytes.`), {code: 'ECONNRESET'})
}
