import {availableParallelism} from 'node:os'
import type {Transform, TransformCallback} from 'node:stream'
import {promisify} from 'node:util'
import {constants, createZstdDecompress, zstdCompress, type ZstdOptions} from 'node:zlib'
import {frameCutter} from './zstd-frames.ts'

/** As good as level 3 within a tenth, in two thirds of the time. */
const LEVEL = 1
/** Compressed pieces are mostly smaller than half of what they hold. */
const OUTPUT = 1024 * 1024
/** Bytes of output at a time, and how much of it may wait: a thread decompresses while what it made is used. */
const CHUNK = 128 * 1024
const AHEAD = 256 * 1024

const compress = promisify(zstdCompress)

/**
 * Compresses each piece to a frame of its own, as Nix does since 2.35: several at once then, also of one path. Frames one after
 * the other are a zstd stream like any other.
 * @param atOnce pieces that are compressed at once, at most; they and what becomes of them are all that is held
 */
export async function* zstdFrames(pieces: Iterable<Buffer>, atOnce = availableParallelism() + 1): AsyncGenerator<Buffer, void> {
  const running: Promise<Buffer>[] = []
  try {
    for (const piece of pieces) {
      const frame = compress(piece, {chunkSize: OUTPUT, params: {[constants.ZSTD_c_compressionLevel]: LEVEL}})
      // Its failure is told when its turn comes.
      frame.catch(() => undefined)
      running.push(frame)
      const [first] = running
      if (first && running.length >= atOnce) {
        yield await first
        void running.shift()
      }
    }

    for (let frame = running.shift(); frame; frame = running.shift()) yield await frame
  } finally {
    await Promise.allSettled(running)
  }
}

/** A stream that decompresses any number of frames. Node's own ends after the first where another begins in the same piece. */
export function zstdDecompressor(): Transform {
  // A stream's options are passed on, which the types do not know.
  const options: ZstdOptions & {readableHighWaterMark: number} = {chunkSize: CHUNK, readableHighWaterMark: AHEAD}
  const stream: Transform = createZstdDecompress(options)
  const decompress = stream._transform.bind(stream)
  const cut = frameCutter()
  stream._transform = (piece: Buffer, encoding, done) => {
    const parts = cut(piece)
    const next: TransformCallback = error => {
      const part = parts.shift()
      if (error || !part) done(error)
      else decompress(part, encoding, next)
    }

    // An empty piece is how it is told that nothing follows.
    if (parts.length === 0) decompress(piece, encoding, done)
    else next()
  }

  return stream
}
