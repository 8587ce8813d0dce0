import {expect} from 'chai'
import {execFileSync} from 'node:child_process'
import {Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {buffer} from 'node:stream/consumers'
import {brotliCompressSync, gzipSync, zstdCompressSync} from 'node:zlib'
import {decompressor, narExtension, parseCompression, type Compression} from '../../../src/lib/closure/compression.ts'

const TEXT = Buffer.from('a store path\n'.repeat(300_000))

describe('a compression', () => {
  for (const [compression, compress, extension] of [
    ['none', (bytes: Buffer) => bytes, 'nar'],
    ['zstd', zstdCompressSync, 'nar.zst'],
    ['gzip', gzipSync, 'nar.gz'],
    ['br', brotliCompressSync, 'nar.br'],
    ['xz', (bytes: Buffer) => execFileSync('xz', ['-c'], {input: bytes}), 'nar.xz'],
    ['bzip2', (bytes: Buffer) => execFileSync('bzip2', ['-c'], {input: bytes}), 'nar.bz2'],
  ] as [Compression, (bytes: Buffer) => Buffer, string][]) {
    it(`${compression} is undone, and a cut-off stream is an error`, async () => {
      const compressed = compress(TEXT)
      expect(narExtension(parseCompression(compression))).to.equal(extension)
      const undone: Buffer[] = []
      await pipeline(Readable.from([compressed.subarray(0, 1000), compressed.subarray(1000)]), decompressor(compression), async output => undone.push(await buffer(output)))
      expect(Buffer.concat(undone).equals(TEXT)).to.equal(true)
      if (compression === 'none') return
      let failed: unknown = null
      const cut = compressed.subarray(0, compressed.length - 20)
      await pipeline(Readable.from([cut]), decompressor(compression), async output => {
        await buffer(output)
      }).catch((error: unknown) => (failed = error))
      expect(failed).to.be.an('error')
    })
  }

  it('that nobody knows is named', () => {
    expect(() => parseCompression('rar')).to.throw('A NAR is compressed with "rar"; known are br, bzip2, gzip, none, xz, zstd.')
  })
})
