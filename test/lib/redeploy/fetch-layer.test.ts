import {expect} from 'chai'
import fs from 'node:fs'
import os from 'node:os'
import {Readable} from 'node:stream'
import {fetchLayer, layerPart} from '../../../src/lib/redeploy/fetch-parts.ts'
import {assembleSlug, slugChecksum} from '../../../src/lib/slug/assemble.ts'
import {SUCCEEDED} from '../build/records.ts'

describe('a layer in the bucket', () => {
  it('that has no end is not fetched to it, and is refused', async () => {
    const folder = fs.mkdtempSync(`${os.tmpdir()}/layer-`)
    try {
      const body = Readable.from((function* () {
        for (;;) yield Buffer.alloc(300)
      })())
      await fetchLayer({stream: () => Promise.resolve({body, size: 1000, etag: ''})}, SUCCEEDED, {folder, onProgress: bytes => expect(bytes).to.be.at.most(SUCCEEDED.outcome.layer.size)})
      const part = layerPart(SUCCEEDED, folder)
      const slug = await assembleSlug({sourcePart: {...part, size: 0, sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', open: () => Readable.from([])}, layer: part})
      expect(await slugChecksum(slug).catch((error: unknown) => error)).to.have.property('code', 'BAD_SLUG_PART')
    } finally {
      fs.rmSync(folder, {recursive: true})
    }
  })
})
