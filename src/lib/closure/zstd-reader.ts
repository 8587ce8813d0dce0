import {zstdDecompressSync} from 'node:zlib'
import {releaseMemory} from '../release-memory.ts'
import {throughStream} from './through-stream.ts'
import {frameCutter, frameSize, MAX_FRAME_HEADER, type FramePart} from './zstd-frames.ts'
import {zstdDecompressor} from './zstd.ts'

/** Bytes of a frame, compressed or not, up to which it is decompressed as a whole; ours hold 2 MiB. */
const WHOLE = 4 * 1024 * 1024

/**
 * Decompresses any number of frames. A frame that says how large it is, and is not large, is decompressed by one call to memory of
 * just that size, which is twice as fast as in pieces; whatever it says, it gets no more. Others go through a stream.
 * @param compressed each piece is used until the next is asked for
 * @returns pieces that are valid until the next is asked for
 * @throws Error of zlib
 */
export async function* zstdPieces(compressed: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  const parts = partsOf(compressed)
  for (let frame = await startOf(parts); frame; frame = await startOf(parts)) {
    if (frame.isWhole && frame.size !== null) {
      const piece = decompressWhole(frame.bytes, frame.size)
      if (piece.length > 0) yield piece
      releaseMemory(piece)
    } else {
      yield* throughStream(restOf(frame, parts), zstdDecompressor())
    }
  }
}

interface FrameStart {
  bytes: Buffer
  /** what it says that it holds; null: nothing, or more than is decompressed at once */
  size: number | null
  isWhole: boolean
}

/** A whole frame where it is small enough; else its beginning. null: there is none any more. */
async function startOf(parts: AsyncGenerator<FramePart, void>): Promise<FrameStart | null> {
  let bytes: Buffer = Buffer.alloc(0)
  for (let next = await parts.next(); !next.done; next = await parts.next()) {
    const {bytes: part, endsFrame} = next.value
    // Copied where it must outlive its piece.
    bytes = bytes.length === 0 && endsFrame ? part : Buffer.concat([bytes, part])
    if (endsFrame) return {bytes, size: wholeSize(bytes), isWhole: true}
    if (bytes.length > WHOLE || bytes.length >= MAX_FRAME_HEADER && wholeSize(bytes) === null) return {bytes, size: null, isWhole: false}
  }

  if (bytes.length > 0) throw new Error('unexpected end of file')
  return null
}

function wholeSize(frame: Buffer): number | null {
  const size = frameSize(frame)
  return size !== null && size <= WHOLE ? size : null
}

function decompressWhole(frame: Buffer, size: number): Buffer {
  // With a byte to spare zlib knows that it is done; it would get another buffer else.
  return zstdDecompressSync(frame, {chunkSize: Math.max(size + 1, 64), maxOutputLength: Math.max(size, 1)})
}

async function* restOf(start: FrameStart, parts: AsyncGenerator<FramePart, void>): AsyncGenerator<Buffer, void> {
  yield start.bytes
  for (let isWhole = start.isWhole; !isWhole;) {
    const next = await parts.next()
    if (next.done) return
    yield next.value.bytes
    isWhole = next.value.endsFrame
  }
}

async function* partsOf(compressed: AsyncIterable<Buffer>): AsyncGenerator<FramePart, void> {
  const cut = frameCutter()
  for await (const piece of compressed) yield* cut(piece)
}
