import {expect} from 'chai'
import {Readable, Writable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {checkDigest} from '../../../src/lib/tools/check-digest.ts'

describe('an archive that is pinned', () => {
  it('is given up as soon as it is longer, not when it ends', async () => {
    let taken = 0
    const endless = Readable.from((function* () {
      for (;;) yield Buffer.alloc(1000)
    })())
    const sink = new Writable({write(chunk: Buffer, _, done) {
      taken += chunk.length
      done()
    }})
    const tool = {name: 'nix', version: '2.34.8', sha256: 'a'.repeat(64), size: 2500, format: 'tar.xz'} as const
    const error: unknown = await pipeline(endless, checkDigest(tool, 'bucket b'), sink).catch((failure: unknown) => failure)
    expect(error).to.include({code: 'WRONG_DIGEST', message: `nix 2.34.8 from bucket b is not what was pinned: more than 2500 bytes instead of ${'a'.repeat(64)} (2500 bytes).`})
    expect(taken).to.be.at.most(2500)
  })
})
