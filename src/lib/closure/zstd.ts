import type {Transform, TransformCallback} from 'node:stream'
import {createZstdDecompress, type ZstdOptions} from 'node:zlib'
import type {ZstdCompressors} from './zstd-compressors.ts'
import {frameCutter} from './zstd-frames.ts'

/** Frames that are begun or wait to be taken, for each that is compressed at once: whoever takes them need not be there at once. */
const BEGUN = 2
/** Bytes of output at a time, and how much of it may wait: a thread decompresses while what it made is used. */
const CHUNK = 128 * 1024
const AHEAD = 256 * 1024

/**
 * Compresses each piece to a frame of its own, as Nix does since 2.35: several at once then, also of one path. Frames one after
 * the other are a zstd stream like any other.
 * @param pieces taken when a compressor is free
 * @param options.done called with each piece that is not needed any more
 */
export async function* zstdFrames(pieces: Iterable<Buffer>, compressors: ZstdCompressors, {done = () => undefined}: {done?: (piece: Buffer) => void} = {}): AsyncGenerator<Buffer, void> {
  const source = pieces[Symbol.iterator]()
  const running: Promise<Buffer | null>[] = []
  let isEnded = false

  const nextFrame = (): Promise<Buffer | null> => compressors.use(async compress => {
    const next = isEnded ? {done: true as const} : source.next()
    if (next.done) {
      isEnded = true
      return null
    }

    const frame = await compress(next.value)
    done(next.value)
    return frame
  })

  try {
    for (;;) {
      while (running.length < compressors.atOnce * BEGUN) {
        const frame = nextFrame()
        // Its failure is told when its turn comes.
        frame.catch(() => undefined)
        running.push(frame)
      }

      const frame = await running.shift()
      if (!frame) return
      yield frame
    }
  } finally {
    isEnded = true
    await Promise.allSettled(running)
    source.return?.()
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
      else decompress(part.bytes, encoding, next)
    }

    // An empty piece is how it is told that nothing follows.
    if (parts.length === 0) decompress(piece, encoding, done)
    else next()
  }

  return stream
}
