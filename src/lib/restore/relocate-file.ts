import fs from 'node:fs'
import {patchableFile, type Patchable} from '../scan/byte-source.ts'
import {containerOf, isSealed, MAGIC_LENGTH} from '../scan/container.ts'
import {repairSums} from '../scan/repair-sums.ts'
import {rewriteChunk, TO_VIEW} from '../view/rewriting.ts'
import {beforeAndAfter, places} from './before-rewriting.ts'

/** Up to here a file is relocated in memory. */
export const IN_MEMORY = 1024 * 1024
const CHUNK = 256 * 1024

/** Whether a file is compressed, by its first MAGIC_LENGTH bytes: then it stays as it is, whatever its bytes say. */
export function isCompressed(start: Buffer): boolean {
  return isSealed(containerOf(start.subarray(0, MAGIC_LENGTH)))
}

/** Changes a file's canonical bytes into the view's, in place. Gives the same bytes as deriving the view from a file on disk. */
export function relocateBytes(bytes: Buffer): void {
  if (isCompressed(bytes)) return
  const replaced = places()
  const {matches} = rewriteChunk(TO_VIEW, bytes, true, (at, needle) => replaced.add(at, needle))
  if (matches === 0) return
  const {before, after} = beforeAndAfter(patchableBuffer(bytes), TO_VIEW, replaced)
  repairSums(before, after)
}

/**
 * Writes a file's bytes, relocated, into an empty file, with memory that does not depend on its size.
 * @param file descriptor, open for reading and writing
 */
export async function relocateInto(file: number, contents: AsyncIterable<Buffer>): Promise<void> {
  const buffer = Buffer.allocUnsafe(CHUNK + TO_VIEW.window)
  const replaced = places()
  let filled = 0
  let written = 0
  let untouched: boolean | null = null

  function flush(isEnd: boolean): void {
    const chunk = buffer.subarray(0, filled)
    untouched ??= isCompressed(chunk)
    const start = written
    const decided = untouched ? filled : rewriteChunk(TO_VIEW, chunk, isEnd, (at, needle) => replaced.add(start + at, needle)).decided
    for (let done = 0; done < decided;) done += fs.writeSync(file, buffer, done, decided - done)
    buffer.copyWithin(0, decided, filled)
    written += decided
    filled -= decided
  }

  for await (const piece of contents) {
    for (let taken = 0; taken < piece.length;) {
      const count = piece.copy(buffer, filled, taken)
      taken += count
      filled += count
      if (filled === buffer.length) flush(false)
    }
  }

  flush(true)
  if (replaced.count === 0) return
  const {before, after} = beforeAndAfter(patchableFile(file), TO_VIEW, replaced)
  repairSums(before, after)
}

function patchableBuffer(bytes: Buffer): Patchable {
  return {
    size: bytes.length,
    read: (at, length) => bytes.subarray(at, at + length),
    write: (at, patch) => bytes.set(patch, at),
  }
}
