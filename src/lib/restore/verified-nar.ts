import {Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {contentHash, type ContentHash} from '../closure/content-hash.ts'
import {decompressor, parseCompression} from '../closure/compression.ts'
import type {NarInfo} from '../closure/narinfo.ts'
import {EXIT, NixError} from '../errors.ts'

/**
 * Decompresses a path's NAR and checks it while it goes by: size and hash of what lies in the bucket, size and hash of the NAR.
 * Only who has taken all of it without an error has the right bytes.
 * @throws NixError WRONG_NAR, or what reading `compressed` threw
 */
export async function* verifiedNar(compressed: AsyncIterable<Buffer>, info: NarInfo): AsyncGenerator<Buffer, void> {
  const file = contentHash()
  const nar = contentHash()
  const stream = decompressor(parseCompression(info.compression))
  let failure: unknown = null
  const filled = pipeline(Readable.from(watched(compressed, file, info.fileSize, 'compressed NAR'), {objectMode: false, highWaterMark: 1}), stream).catch((error: unknown) => {
    failure = error
  })
  try {
    for await (const piece of watched(stream as AsyncIterable<Buffer>, nar, info.narSize, 'NAR')) yield piece
    await filled
  } catch (error) {
    await filled
    const first = failure ?? error
    throw first instanceof NixError ? first : wrong(`it cannot be decompressed: ${first instanceof Error ? first.message : String(first)}`)
  } finally {
    stream.destroy()
  }

  const fileHash = file.digest()
  if (info.fileHash !== null && fileHash !== info.fileHash) throw wrong(`what is compressed has hash ${fileHash}, not ${info.fileHash}`)
  const narHash = nar.digest()
  if (narHash !== info.narHash) throw wrong(`it has hash ${narHash}; signed was ${info.narHash}`)
}

async function* watched(pieces: AsyncIterable<Buffer>, hash: ContentHash, size: number | null, what: string): AsyncGenerator<Buffer, void> {
  for await (const piece of pieces) {
    hash.update(piece)
    if (size !== null && hash.size > size) throw wrong(`the ${what} has more than ${size} bytes`)
    yield piece
  }
}

/** Whose NAR it is, is said by who knows it. */
function wrong(reason: string): NixError {
  return new NixError(reason, {code: 'WRONG_NAR', exit: EXIT.verification})
}
