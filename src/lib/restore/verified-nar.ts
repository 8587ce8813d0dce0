import {Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {contentHash, type ContentHash} from '../closure/content-hash.ts'
import {decompressor, parseCompression} from '../closure/compression.ts'
import type {NarInfo} from '../closure/narinfo.ts'
import {EXIT, NixError} from '../errors.ts'

/**
 * Decompresses a path's NAR and checks its size and hash while it goes by. The hash of what lies in the bucket is not looked at:
 * nobody signs it, and what decompresses to the right NAR is right. Only who has taken all of it without an error has the right bytes.
 * @throws NixError WRONG_NAR, or what reading `compressed` threw
 */
export async function* verifiedNar(compressed: AsyncIterable<Buffer>, info: NarInfo): AsyncGenerator<Buffer, void> {
  const nar = contentHash()
  const stream = decompressor(parseCompression(info.compression))
  let failure: unknown = null
  const filled = pipeline(Readable.from(compressed, {objectMode: false, highWaterMark: 1}), stream).catch((error: unknown) => {
    failure = error
  })
  try {
    for await (const piece of watched(stream as AsyncIterable<Buffer>, nar, info.narSize)) yield piece
    await filled
  } catch (error) {
    await filled
    // What is wrong with the NAR also ends the reading.
    const first = error instanceof NixError ? error : failure ?? error
    throw first instanceof NixError ? first : wrong(`it cannot be decompressed: ${first instanceof Error ? first.message : String(first)}`)
  } finally {
    stream.destroy()
  }

  const narHash = nar.digest()
  if (narHash !== info.narHash) throw wrong(`it has hash ${narHash}; signed was ${info.narHash}`)
}

async function* watched(pieces: AsyncIterable<Buffer>, nar: ContentHash, size: number): AsyncGenerator<Buffer, void> {
  for await (const piece of pieces) {
    nar.update(piece)
    if (nar.size > size) throw wrong(`the NAR has more than ${size} bytes`)
    yield piece
  }
}

/** Whose NAR it is, is said by who knows it. */
function wrong(reason: string): NixError {
  return new NixError(reason, {code: 'WRONG_NAR', exit: EXIT.verification})
}
