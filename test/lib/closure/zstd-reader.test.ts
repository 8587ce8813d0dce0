import {expect} from 'chai'
import {execFileSync} from 'node:child_process'
import {Readable} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import {describe, it} from 'mocha'
import {constants, createZstdCompress, zstdCompressSync} from 'node:zlib'
import {zstdPieces} from '../../../src/lib/closure/zstd-reader.ts'

const MIB = 1024 * 1024
const TEXTS = ['a text ', 'another one ', 'the last '].map((text, n) => Buffer.alloc(300_000 + n, text))
const WHOLE = Buffer.concat(TEXTS)
const SKIPPABLE = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])
/** A frame of one segment, whose size has a byte; of blocks, the last that is not compressed. */
const TINY_FRAME = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 5]

/** What it gives of these bytes, which come in pieces of a length. Each piece is overwritten afterwards, as who gives it may do. */
async function read(stream: Buffer, length = stream.length): Promise<Buffer> {
  // eslint-disable-next-line @typescript-eslint/require-await -- as asynchronous as what it stands for
  async function* pieces(): AsyncGenerator<Buffer, void> {
    for (let at = 0; at < stream.length; at += length) {
      const piece = Buffer.from(stream.subarray(at, at + length))
      yield piece
      piece.fill(0)
    }
  }

  const made: Buffer[] = []
  for await (const piece of zstdPieces(pieces())) made.push(Buffer.from(piece))
  return Buffer.concat(made)
}

async function failureOf(stream: Buffer): Promise<Error> {
  const error = await read(stream, 1000).catch((reason: unknown) => reason)
  expect(error).to.be.instanceOf(Error)
  return error as Error
}

/** The same frame, which says that it holds another number of bytes. */
function saying(frame: Buffer, size: number): Buffer {
  const lying = Buffer.from(frame)
  expect(lying.readUInt8(4) >>> 6).to.equal(2)
  lying.writeUInt32LE(size, 5 + ((lying.readUInt8(4) & 0x20) === 0 ? 1 : 0))
  return lying
}

describe('reading zstd frames', () => {
  const sized = TEXTS.map(text => zstdCompressSync(text, {pledgedSrcSize: text.length}))
  for (const [what, frames] of [
    ['that say how large they are', sized],
    ['with sums', TEXTS.map(text => zstdCompressSync(text, {params: {[constants.ZSTD_c_checksumFlag]: 1}}))],
    ['that do not say it', TEXTS.map(text => execFileSync('zstd', ['-q', '-c', '--no-content-size'], {input: text}))],
    ['between which others are skipped', [SKIPPABLE, ...sized.flatMap(frame => [frame, SKIPPABLE])]],
    ['of which some are empty', sized.flatMap(frame => [zstdCompressSync(Buffer.alloc(0)), frame])],
  ] as const) {
    it(`gives what is in frames ${what}, however the stream is cut`, async () => {
      const stream = Buffer.concat(frames)
      for (const length of [1, 7, 1000, stream.length]) expect((await read(stream, length)).equals(WHOLE)).to.equal(true)
    })
  }

  for (const [what, options] of [['', []], [', whose size nobody says', ['--no-content-size']], [' of a long window', ['--ultra', '-20', '--long=25']]] as const) {
    it(`gives what is in one large frame${what}`, async () => {
      const bytes = Buffer.concat(Array.from({length: 20}, (_, n) => Buffer.alloc(MIB / 2, `line ${n}\n`)))
      const frame = execFileSync('zstd', ['-q', '-c', ...options], {input: bytes, maxBuffer: 64 * MIB})
      expect((await read(frame, 100_000)).equals(bytes)).to.equal(true)
    })
  }

  it('gives a few bytes out of millions of empty blocks, without holding these', async () => {
    const frame = Buffer.concat([Buffer.from(TINY_FRAME), Buffer.alloc(4.5 * MIB), Buffer.from([5 << 3 | 1, 0, 0]), Buffer.from('bytes')])
    expect((await read(frame, 100_000)).toString()).to.equal('bytes')
  })

  it('refuses a frame that holds more than it says, and makes no more of it', async () => {
    const bomb = zstdCompressSync(Buffer.alloc(64 * MIB))
    await failureOf(saying(bomb, 1000))
    await failureOf(saying(zstdCompressSync(TEXTS[0] ?? ''), 299_999))
  })

  it('refuses a frame that holds less than it says', async () => {
    await failureOf(saying(zstdCompressSync(TEXTS[0] ?? ''), 300_001))
    await failureOf(saying(zstdCompressSync(TEXTS[0] ?? ''), 2 ** 31))
  })

  it('gives no more than is asked for of a frame without end', async () => {
    let asked = 0
    // eslint-disable-next-line @typescript-eslint/require-await -- as asynchronous as what it stands for
    async function* endless(): AsyncGenerator<Buffer, void> {
      // A block of 128 KiB of zeros, in four bytes.
      yield Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x58])
      for (; asked < 100_000; asked++) yield Buffer.concat(Array.from({length: 1000}, () => Buffer.from([0x02, 0, 0x10, 0])))
    }

    let size = 0
    for await (const piece of zstdPieces(endless())) {
      size += piece.length
      if (size > 100 * MIB) break
    }

    expect(size).to.be.lessThan(102 * MIB)
    expect(asked).to.be.lessThan(100)
  })

  it('refuses what is cut off, damaged, or no zstd stream', async () => {
    const [first = Buffer.alloc(0)] = sized
    const damaged = Buffer.from(first)
    damaged.fill(0x55, 20)
    for (const bad of [first.subarray(0, -2), first.subarray(0, 3), Buffer.from('<html>'), Buffer.concat([first, Buffer.from('<html>')]), damaged]) await failureOf(bad)
    const large = await buffer(Readable.from([Buffer.alloc(9 * MIB, 'text')]).pipe(createZstdCompress()))
    expect((await failureOf(large.subarray(0, -2))).message).to.match(/unexpected end/)
  })

  it('tells what reading the stream threw', async () => {
    // eslint-disable-next-line @typescript-eslint/require-await -- as asynchronous as what it stands for
    async function* broken(bytes: Buffer): AsyncGenerator<Buffer, void> {
      yield bytes
      throw new Error('the bucket is gone')
    }

    for (const bytes of [sized[0]?.subarray(0, 100), zstdCompressSync(Buffer.alloc(9 * MIB, 'text')).subarray(0, 100)]) {
      const error = await Readable.from(zstdPieces(broken(bytes ?? Buffer.alloc(0)))).toArray().catch((reason: unknown) => reason)
      expect((error as Error).message).to.equal('the bucket is gone')
    }
  })
})
