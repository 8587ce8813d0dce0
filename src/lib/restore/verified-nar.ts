import {contentHash} from '../closure/content-hash.ts'
import {decompressor, parseCompression} from '../closure/compression.ts'
import type {NarInfo} from '../closure/narinfo.ts'
import {throughStream} from '../closure/through-stream.ts'
import {zstdPieces} from '../closure/zstd-reader.ts'
import {EXIT, NixError} from '../errors.ts'

/**
 * Decompresses a path's NAR and checks its size and hash while it goes by. The hash of what lies in the bucket is not looked at:
 * nobody signs it, and what decompresses to the right NAR is right. Only who has taken all of it without an error has the right bytes.
 * @returns pieces that are valid until the next is asked for
 * @throws NixError WRONG_NAR, or what reading `compressed` threw
 */
export async function* verifiedNar(compressed: AsyncIterable<Buffer>, info: NarInfo): AsyncGenerator<Buffer, void> {
  const nar = contentHash()
  try {
    for await (const piece of decompressed(compressed, info)) {
      nar.update(piece)
      if (nar.size > info.narSize) throw wrong(`the NAR has more than ${info.narSize} bytes`)
      yield piece
    }
  } catch (error) {
    throw error instanceof NixError ? error : wrong(`it cannot be decompressed: ${error instanceof Error ? error.message : String(error)}`)
  }

  const narHash = nar.digest()
  if (narHash !== info.narHash) throw wrong(`it has hash ${narHash}; signed was ${info.narHash}`)
}

function decompressed(compressed: AsyncIterable<Buffer>, info: NarInfo): AsyncIterable<Buffer> {
  const compression = parseCompression(info.compression)
  if (compression === 'none') return compressed
  return compression === 'zstd' ? zstdPieces(compressed) : throughStream(compressed, decompressor(compression))
}

/** Whose NAR it is, is said by who knows it. */
function wrong(reason: string): NixError {
  return new NixError(reason, {code: 'WRONG_NAR', exit: EXIT.verification})
}
