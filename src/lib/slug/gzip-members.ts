import {createHash} from 'node:crypto'
import {once} from 'node:events'
import {availableParallelism} from 'node:os'
import type {Writable} from 'node:stream'
import {finished} from 'node:stream/promises'
import {promisify} from 'node:util'
import {gzip} from 'node:zlib'

/** Part of the layer format: where a member ends, and how it was made, must depend on the content alone. */
export const MEMBER_INPUT = 1 << 20
const LEVEL = 6
const OS_FIELD = 9
const OS_UNIX = 3

const gzipAsync = promisify(gzip)

/** @returns one complete gzip member, the same on every operating system */
export async function gzipMember(input: Uint8Array): Promise<Buffer> {
  // Room for the whole output in one piece: with less, each 16 KiB goes through the event loop once.
  const member = await gzipAsync(input, {level: LEVEL, chunkSize: input.length + 4096})
  member[OS_FIELD] = OS_UNIX
  return member
}

/** One for each CPU, and two that wait: the threads then have work while the next piece is read. */
function defaultJobs(): number {
  return availableParallelism() + 2
}

/**
 * Cuts what is written to it into pieces of MEMBER_INPUT bytes and makes each a complete gzip member. zlib runs
 * them in parallel on libuv's threads (four, unless UV_THREADPOOL_SIZE says more); `jobs + 1` pieces are in memory at most.
 */
export class GzipMembers {
  /** bytes given to the sink */
  size = 0
  readonly #sink: Writable
  readonly #jobs: number
  readonly #hash = createHash('sha256')
  readonly #running: Promise<Buffer>[] = []
  #piece = Buffer.allocUnsafe(MEMBER_INPUT)
  #filled = 0

  /** @param jobs members in work at once */
  constructor(sink: Writable, jobs = defaultJobs()) {
    this.#sink = sink
    this.#jobs = Math.max(1, jobs)
  }

  /** The bytes are copied: their buffer may be used again when this has resolved. */
  async write(bytes: Uint8Array): Promise<void> {
    let rest = bytes
    while (rest.length > 0) {
      const part = rest.subarray(0, MEMBER_INPUT - this.#filled)
      this.#piece.set(part, this.#filled)
      this.#filled += part.length
      rest = rest.subarray(part.length)
      if (this.#filled === MEMBER_INPUT) await this.#closePiece()
    }
  }

  /** Writes what is left, ends the sink, and waits until it has taken all: a file can be read then. */
  async finish(): Promise<{sha256: string; size: number}> {
    if (this.#filled > 0) await this.#closePiece()
    while (this.#running.length > 0) await this.#emitFirst()
    this.#sink.end()
    await finished(this.#sink, {readable: false})
    return {sha256: this.#hash.digest('hex'), size: this.size}
  }

  /** After a failure: destroys the sink, and waits for zlib to let go of what it holds. */
  async abandon(error: unknown): Promise<void> {
    // Who caught the failure tells it; a sink that nobody listens to would end the whole process of it.
    this.#sink.on('error', () => undefined)
    this.#sink.destroy(error instanceof Error ? error : undefined)
    await Promise.allSettled(this.#running)
  }

  async #closePiece(): Promise<void> {
    const member = gzipMember(this.#piece.subarray(0, this.#filled))
    // Its failure is reported when its turn comes, not as an unhandled rejection before.
    member.catch(() => undefined)
    this.#running.push(member)
    this.#piece = Buffer.allocUnsafe(MEMBER_INPUT)
    this.#filled = 0
    if (this.#running.length >= this.#jobs) await this.#emitFirst()
  }

  async #emitFirst(): Promise<void> {
    const member = await this.#running.shift()
    if (!member) return
    this.#hash.update(member)
    this.size += member.length
    await writeTo(this.#sink, member)
  }
}

/** Waits until the sink has room again. @throws the sink's error, also when it was destroyed without one */
async function writeTo(sink: Writable, chunk: Buffer): Promise<void> {
  if (sink.errored) throw sink.errored
  if (sink.destroyed) throw new Error('The stream that the slug is written to was closed before the end.')
  if (sink.write(chunk)) return
  const closed = new AbortController()
  const onClose = () => closed.abort(sink.errored ?? new Error('The stream that the slug is written to was closed before the end.'))
  sink.once('close', onClose)
  try {
    await once(sink, 'drain', {signal: closed.signal})
  } catch (error) {
    throw closed.signal.aborted ? closed.signal.reason : error
  } finally {
    sink.off('close', onClose)
  }
}
