import type {Bucket} from '../bucket/bucket.ts'
import {EXIT, NixError} from '../errors.ts'

/** What one request asks for: what S3 servers mostly keep in one piece themselves. */
export const PART_SIZE = 4 * 1024 * 1024
/** Parts of one object that are asked for at once; they are all that is held in memory of it. */
const AT_ONCE = 2

/** Where objects are read from. */
export type ObjectSource = Pick<Bucket, 'fill' | 'name' | 'stream'>

/** An object's bytes on their way. */
export interface Fetched {
  /** Each piece's memory is its reader's. */
  pieces: AsyncIterable<Buffer>
  /** Ends the requests under way; needed where not all is read. */
  close(): void
}

/**
 * An object's bytes in their order, a large one by several requests at once. The first are asked for at once, not when somebody
 * begins to read.
 * @param size bytes that it must have; null where nobody has said
 * @throws NixError NAR_MISSING, NAR_TRUNCATED
 */
export function rangedObject(bucket: ObjectSource, key: string, size: number | null): Fetched {
  // A loop that is left early closes what it reads.
  return size === null || size === 0 ? {pieces: wholeObject(bucket, key, size), close: () => undefined} : objectInParts(bucket, key, size)
}

async function* wholeObject(bucket: ObjectSource, key: string, size: number | null): AsyncGenerator<Buffer, void> {
  const object = await bucket.stream(key)
  if (!object) throw missing(bucket, key)
  if (size !== null && object.size !== size) throw truncated(bucket, key, object.size, size)
  for await (const piece of object.body as AsyncIterable<Buffer>) yield Buffer.from(piece)
}

function objectInParts(bucket: ObjectSource, key: string, size: number): Fetched {
  const ending = new AbortController()
  const parts: Promise<Buffer>[] = []
  let asked = 0

  async function part(from: number): Promise<Buffer> {
    // Memory of its own, which can be handed to another thread.
    const bytes = Buffer.allocUnsafeSlow(Math.min(PART_SIZE, size - from))
    const filled = await bucket.fill(key, bytes, {from, signal: ending.signal})
    if (filled === null) throw missing(bucket, key)
    if (filled !== bytes.length) throw truncated(bucket, key, from + filled, size)
    return bytes
  }

  function askMore(): void {
    while (parts.length < AT_ONCE && asked < size) {
      const bytes = part(asked)
      // Its failure is told when its turn comes.
      bytes.catch(() => undefined)
      parts.push(bytes)
      asked += PART_SIZE
    }
  }

  async function* inOrder(): AsyncGenerator<Buffer, void> {
    for (let next = parts.shift(); next; next = parts.shift()) {
      const bytes = await next
      askMore()
      yield bytes
    }
  }

  askMore()
  return {pieces: inOrder(), close: () => ending.abort()}
}

function missing(bucket: Pick<Bucket, 'name'>, key: string): NixError {
  return new NixError(`${key} is not in bucket ${bucket.name}, although a narinfo names it.`, {
    code: 'NAR_MISSING', exit: EXIT.verification, suggestions: ['heroku nix:build --force'],
  })
}

function truncated(bucket: Pick<Bucket, 'name'>, key: string, found: number, size: number): NixError {
  return new NixError(`${key} in bucket ${bucket.name} ends after ${found} of ${size} bytes.`, {
    code: 'NAR_TRUNCATED', exit: EXIT.verification, suggestions: ['heroku nix:build --force'],
  })
}
