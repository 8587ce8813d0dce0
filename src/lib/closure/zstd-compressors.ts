import {availableParallelism} from 'node:os'
import {constants, createZstdCompress} from 'node:zlib'
import {limiter} from '../limiter.ts'

/** As good as level 3 within a tenth, in two thirds of the time. */
const LEVEL = 1
const PARAMS = {[constants.ZSTD_c_compressionLevel]: LEVEL}

/** Makes a frame of a piece, which must not change meanwhile. */
export type Compress = (piece: Buffer) => Promise<Buffer>

/** How many pieces are compressed at once, of all that is compressed: more than there are cores would only hold more memory. */
export interface ZstdCompressors {
  readonly atOnce: number
  /** Runs an action that compresses one piece after the other, first come, first served. */
  use<Result>(action: (compress: Compress) => Promise<Result>): Promise<Result>
}

export function zstdCompressors(atOnce = availableParallelism() + 1): ZstdCompressors {
  const limit = limiter(atOnce)
  return {atOnce, use: action => limit(() => action(compress))}
}

/** Each write is a whole frame, because it is flushed as the end of one. */
function compress(piece: Buffer): Promise<Buffer> {
  const stream = createZstdCompress({flush: constants.ZSTD_e_end, chunkSize: mostOf(piece.length), params: PARAMS})
  const made: Buffer[] = []
  stream.on('data', (part: Buffer) => made.push(part))
  return new Promise((resolve, reject) => {
    stream.once('error', reject)
    stream.write(piece, () => {
      stream.destroy()
      const [first = Buffer.alloc(0), ...more] = made
      // One part, as long as `mostOf` is right; a frame must not be cut short if it ever is not.
      resolve(more.length === 0 ? first : Buffer.concat(made))
    })
  })
}

/**
 * Bytes that a frame can have at most (zstd: ZSTD_COMPRESSBOUND). With room for all of it zstd works on the piece where it lies;
 * else it copies each block into a window of its own.
 */
function mostOf(size: number): number {
  const small = 128 * 1024
  return size + (size >>> 8) + (size < small ? (small - size) >>> 11 : 0) + 64
}
