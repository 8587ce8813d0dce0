import {availableParallelism} from 'node:os'
import {constants, createZstdCompress} from 'node:zlib'
import {limiter} from '../limiter.ts'

/** As good as level 3 within a tenth, in two thirds of the time. */
const LEVEL = 1
/** Bytes of output at a time; compressed pieces are mostly smaller than half of it. */
const OUTPUT = 1024 * 1024

/** Makes a frame of a piece, which must not change meanwhile. */
export type Compress = (piece: Buffer) => Promise<Buffer>

/**
 * A few compressors for all that is compressed. One for each piece would be megabytes to collect each time, and more at once than
 * there are cores would only hold more memory.
 */
export interface ZstdCompressors {
  readonly atOnce: number
  /** Runs an action with a compressor that nobody else has, first come, first served. */
  use<Result>(action: (compress: Compress) => Promise<Result>): Promise<Result>
}

export function zstdCompressors(atOnce = availableParallelism() + 1): ZstdCompressors {
  const limit = limiter(atOnce)
  const unused: Compress[] = []
  return {
    atOnce,
    use: action => limit(async () => {
      const compress = unused.pop() ?? makeCompressor()
      const result = await action(compress)
      // After a failure nobody knows what it still holds.
      unused.push(compress)
      return result
    }),
  }
}

/** Each write is a whole frame, because it is flushed as the end of one. */
function makeCompressor(): Compress {
  const stream = createZstdCompress({flush: constants.ZSTD_e_end, chunkSize: OUTPUT, params: {[constants.ZSTD_c_compressionLevel]: LEVEL}})
  let made: Buffer[] = []
  stream.on('data', (part: Buffer) => made.push(part))
  return piece => new Promise((resolve, reject) => {
    stream.once('error', reject)
    stream.write(piece, error => {
      stream.off('error', reject)
      const [first = Buffer.alloc(0), ...more] = made
      made = []
      if (error) reject(error)
      else resolve(more.length === 0 ? first : Buffer.concat([first, ...more]))
    })
  })
}
