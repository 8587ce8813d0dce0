import type {Readable} from 'node:stream'
import type {Bucket} from '../bucket/bucket.ts'
import {EXIT, NixError} from '../errors.ts'

/** What one request asks for. */
export const PART_SIZE = 1024 * 1024
/** Parts of one object that are asked for at once; they are all that is held in memory of it. */
const AT_ONCE = 3

/** An object's bytes on their way. */
export interface Fetched {
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
export function rangedObject(bucket: Pick<Bucket, 'name' | 'stream'>, key: string, size: number | null): Fetched {
  // A loop that is left early closes what it reads.
  return size === null || size === 0 ? {pieces: wholeObject(bucket, key, size), close: () => undefined} : objectInParts(bucket, key, size)
}

async function* wholeObject(bucket: Pick<Bucket, 'name' | 'stream'>, key: string, size: number | null): AsyncGenerator<Buffer, void> {
  const object = await bucket.stream(key)
  if (!object) throw missing(bucket, key)
  if (size !== null && object.size !== size) throw truncated(bucket, key, object.size, size)
  yield* object.body as AsyncIterable<Buffer>
}

function objectInParts(bucket: Pick<Bucket, 'name' | 'stream'>, key: string, size: number): Fetched {
  const bodies = new Set<Readable>()
  const parts: Promise<Buffer>[] = []
  let asked = 0
  let ended = false

  async function part(first: number): Promise<Buffer> {
    const last = Math.min(first + PART_SIZE, size) - 1
    const object = await bucket.stream(key, {range: [first, last]})
    if (!object) throw missing(bucket, key)
    const {body} = object
    if (ended || object.size !== last - first + 1) body.destroy()
    if (object.size !== last - first + 1) throw truncated(bucket, key, first + object.size, size)
    bodies.add(body)
    // Memory of its own, which can be handed to another thread.
    const bytes = Buffer.allocUnsafeSlow(object.size)
    let filled = 0
    for await (const piece of body as AsyncIterable<Buffer>) filled += piece.copy(bytes, filled)
    bodies.delete(body)
    if (filled !== bytes.length) throw truncated(bucket, key, first + filled, size)
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
  return {
    pieces: inOrder(),
    close() {
      ended = true
      for (const body of bodies) body.destroy()
    },
  }
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
