import {expect} from 'chai'
import {Readable} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import {describe, it} from 'mocha'
import {constants, zstdCompressSync, zstdDecompressSync} from 'node:zlib'
import {zstdCompressors} from '../../../src/lib/closure/zstd-compressors.ts'
import {zstdDecompressor, zstdFrames} from '../../../src/lib/closure/zstd.ts'

const PIECES = ['a text ', 'another one ', 'the last '].map((text, n) => Buffer.alloc(300_000 + n, text))
const WHOLE = Buffer.concat(PIECES)

/** Of any number of frames, in pieces of this length. */
async function decompressed(stream: Buffer, length: number): Promise<Buffer> {
  const pieces = Array.from({length: Math.ceil(stream.length / length)}, (_, n) => stream.subarray(n * length, (n + 1) * length))
  return buffer(Readable.from(pieces).pipe(zstdDecompressor()))
}

describe('zstd', () => {
  it('makes a frame of each piece, in their order', async () => {
    const frames: Buffer[] = []
    for await (const frame of zstdFrames(PIECES, zstdCompressors(2))) frames.push(frame)
    expect(frames.map(frame => zstdDecompressSync(frame))).to.deep.equal(PIECES)
  })

  it('compresses only so many pieces at once, of all streams together, and takes each when there is a compressor for it', async () => {
    const compressors = zstdCompressors(2)
    let held = 0
    let most = 0
    function* taken(): Generator<Buffer, void> {
      for (const piece of [...PIECES, ...PIECES]) {
        most = Math.max(most, held += 1)
        yield piece
      }
    }

    const streams = await Promise.all([1, 2, 3].map(() => buffer(Readable.from(zstdFrames(taken(), compressors, {done: () => void (held -= 1)})))))
    for (const stream of streams) expect((await decompressed(stream, stream.length)).equals(Buffer.concat([WHOLE, WHOLE]))).to.equal(true)
    expect({most, held}).to.deep.equal({most: 2, held: 0})
  })

  it('ends what its pieces come from when one fails or nobody wants more', async () => {
    const compressors = zstdCompressors(2)
    const ended: string[] = []
    function* failing(name: string): Generator<Buffer, void> {
      try {
        yield* PIECES
        throw new Error('a file has changed')
      } finally {
        ended.push(name)
      }
    }

    const error = await buffer(Readable.from(zstdFrames(failing('fails'), compressors))).catch((reason: unknown) => reason)
    expect(error).to.include({message: 'a file has changed'})
    for await (const frame of zstdFrames(failing('is left'), compressors)) {
      expect(frame.length).to.be.greaterThan(0)
      break
    }

    expect(ended).to.deep.equal(['fails', 'is left'])
  })

  it('reads frames one after the other, however the stream is cut, as Nix since 2.35 writes them', async () => {
    const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])
    const summed = PIECES.map(piece => zstdCompressSync(piece, {params: {[constants.ZSTD_c_checksumFlag]: 1}}))
    const sized = PIECES.map(piece => zstdCompressSync(piece, {pledgedSrcSize: piece.length}))
    for (const stream of [Buffer.concat(summed), Buffer.concat(sized), Buffer.concat([skippable, ...sized, skippable])]) {
      for (const length of [1, 7, 1000, stream.length]) expect((await decompressed(stream, length)).equals(WHOLE)).to.equal(true)
    }
  })

  it('says of what is no zstd stream, and of what is broken, that it is', async () => {
    const [good = Buffer.alloc(0)] = PIECES.map(piece => zstdCompressSync(piece))
    for (const bad of [Buffer.from('<html>'), Buffer.concat([good, Buffer.from('<html>')]), good.subarray(0, -2)]) {
      const error = await decompressed(bad, 1000).catch((reason: unknown) => reason)
      expect(error).to.be.instanceOf(Error)
    }
  })
})
