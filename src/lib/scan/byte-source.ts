import fs from 'node:fs'

/** Bytes at places: a file's, a buffer's, or a part of either. */
export interface ByteSource {
  /** bytes */
  readonly size: number
  /** Up to `length` bytes from `at` on; fewer only where the end is. */
  readonly read: (at: number, length: number) => Buffer
}

/** Bytes that can be changed, but never made more or fewer. */
export interface Patchable extends ByteSource {
  readonly write: (at: number, bytes: Uint8Array) => void
}

const PIECE = 256 * 1024

export function bufferSource(buffer: Buffer): ByteSource {
  return {size: buffer.length, read: (at, length) => buffer.subarray(at, at + length)}
}

/** @param file a descriptor open for reading; it stays open */
export function fileSource(file: number): ByteSource {
  return {
    size: fs.fstatSync(file).size,
    read(at, length) {
      const buffer = Buffer.allocUnsafe(length)
      let done = 0
      while (done < length) {
        const read = fs.readSync(file, buffer, done, length - done, at + done)
        if (read === 0) break
        done += read
      }

      return buffer.subarray(0, done)
    },
  }
}

/** @param file a descriptor open for reading and writing */
export function patchableFile(file: number): Patchable {
  return {
    ...fileSource(file),
    write(at, bytes) {
      for (let done = 0; done < bytes.length;) done += fs.writeSync(file, bytes, done, bytes.length - done, at + done)
    },
  }
}

/** `length` bytes from `at` on, as if they were all. */
export function partOf(source: ByteSource, at: number, length: number): ByteSource {
  const size = Math.max(0, Math.min(length, source.size - at))
  return {size, read: (from, count) => source.read(at + from, Math.max(0, Math.min(count, size - from)))}
}

export function patchablePartOf(target: Patchable, at: number, length: number): Patchable {
  return {
    ...partOf(target, at, length),
    write(from, bytes) {
      if (from + bytes.length > length) throw new RangeError(`${bytes.length} bytes at ${from} do not fit into ${length}`)
      target.write(at + from, bytes)
    },
  }
}

/** All bytes of `source`, a bounded piece at a time. */
export function* piecesOf(source: ByteSource): Generator<Buffer> {
  for (let at = 0; at < source.size;) {
    const piece = source.read(at, Math.min(PIECE, source.size - at))
    if (piece.length === 0) return
    at += piece.length
    yield piece
  }
}
