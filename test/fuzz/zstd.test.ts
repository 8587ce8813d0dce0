import {expect} from 'chai'
import {createHash} from 'node:crypto'
import fc from 'fast-check'
import {zstdCompressSync} from 'node:zlib'
import {zstdPieces} from '../../src/lib/closure/zstd-reader.ts'
import {check, mutate, mutation, TIMEOUT} from './check.ts'

const LARGE = 5 << 20
const ORIGINALS = [
  Buffer.concat([zstdCompressSync(Buffer.from('a text')), zstdCompressSync(createHash('sha512').update('noise').digest()), zstdCompressSync(Buffer.alloc(0))]),
  Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2]), zstdCompressSync(Buffer.alloc(3000, 'another text'))]),
  zstdCompressSync(Buffer.alloc(LARGE, 'one frame')),
]

describe('any bytes that look like zstd frames', function () {
  this.timeout(TIMEOUT)

  it('are read to an end, the same however they are cut', () =>
    check(fc.asyncProperty(mutation, fc.integer({min: 1, max: 700}), async (change, length) => {
      const stream = mutate(ORIGINALS, change)
      expect(await outcomeOf(stream, length)).to.deep.equal(await outcomeOf(stream, Math.max(1, stream.length)))
    })))
})

/** What is in it, or that it is refused. */
async function outcomeOf(stream: Buffer, length: number): Promise<Buffer | string> {
  // eslint-disable-next-line @typescript-eslint/require-await -- as asynchronous as what it stands for
  async function* pieces(): AsyncGenerator<Buffer, void> {
    for (let at = 0; at < stream.length; at += length) yield stream.subarray(at, at + length)
  }

  const made: Buffer[] = []
  let size = 0
  try {
    for await (const piece of zstdPieces(pieces())) {
      made.push(Buffer.from(piece))
      size += piece.length
      // No change makes more of what is here, but by a length that lies.
      if (size > 4 * LARGE) return 'refused'
    }
  } catch (error) {
    expect(error).to.be.instanceOf(Error)
    return 'refused'
  }

  return Buffer.concat(made)
}
