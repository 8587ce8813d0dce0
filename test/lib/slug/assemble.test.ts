import {createHash, randomBytes} from 'node:crypto'
import {readdir} from 'node:fs/promises'
import {join} from 'node:path'
import {Readable} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import {gzipSync} from 'node:zlib'
import {expect} from 'chai'
import {NixError} from '../../../src/lib/errors.ts'
import {assembleSlug, slugChecksum, SLUG_LIMIT, type SlugPart} from '../../../src/lib/slug/assemble.ts'
import {writeLayer} from '../../../src/lib/slug/layer.ts'
import {writeSourcePart} from '../../../src/lib/slug/source-part.ts'
import {walkView} from '../../../src/lib/slug/walk-view.ts'
import {describeTree, inTemporaryDirectory, makeTree, Memory, unpack} from './trees.ts'

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

function part(what: string, bytes: Buffer, promised: Partial<SlugPart> = {}): SlugPart {
  return {what, size: bytes.length, sha256: sha256(bytes), open: () => Readable.from([bytes.subarray(0, 7), bytes.subarray(7)], {objectMode: false}), ...promised}
}

async function failureOf(work: Promise<unknown>): Promise<NixError> {
  const failure = await work.then(() => null, (error: unknown) => error)
  expect(failure).to.be.instanceOf(NixError)
  return failure as NixError
}

describe('a slug', () => {
  it('is source part, layer and end, and GNU tar unpacks it without a word', async () => {
    await inTemporaryDirectory(async directory => {
      const view = join(directory, 'view')
      await makeTree(view, {'h-app/bin/web': {run: '#!/bin/sh\n'}})
      const [source, layer] = [new Memory(), new Memory()]
      await writeSourcePart({sourceTar: Readable.from([Buffer.alloc(1024)], {objectMode: false}), scripts: {runResult: '', runProot: '', build: '', profile: ''}, facts: {}, sink: source})
      await writeLayer({entries: walkView(view, await readdir(view)), rules: null, result: 'h-app', sink: layer})
      const slug = await assembleSlug({sourcePart: part('the source', source.bytes), layer: part('the layer', layer.bytes)})
      const bytes = await buffer(slug.open())
      expect(bytes.length).to.equal(slug.size)
      expect(bytes.subarray(0, source.bytes.length).equals(source.bytes)).to.equal(true)
      expect(bytes.subarray(source.bytes.length, source.bytes.length + layer.bytes.length).equals(layer.bytes)).to.equal(true)
      await unpack(bytes, join(directory, 'slug'))
      expect((await describeTree(join(directory, 'slug', 'app'))).filter(line => line.startsWith('".nixs/h') || line.startsWith('"result'))).to.deep.equal([
        '".nixs/h-app"/ 755', '".nixs/h-app/bin"/ 755', `".nixs/h-app/bin/web" 555 1 10 ${sha256(Buffer.from('#!/bin/sh\n'))}`, '"result" -> ".nixs/h-app"',
      ])
    })
  })

  it('has the checksum of its bytes, and the same bytes each time', async () => {
    const slug = await assembleSlug({sourcePart: part('the source', gzipSync('a')), layer: part('the layer', gzipSync('b'))})
    const [first, second] = [await buffer(slug.open()), await buffer(slug.open())]
    expect(first.equals(second)).to.equal(true)
    expect(await slugChecksum(slug)).to.equal(`SHA256:${sha256(first)}`)
  })

  for (const {name, promised, message} of [
    {name: 'has other bytes', promised: {sha256: '00'}, message: /^Of the layer, 1000 bytes with sha256 00 were promised; its sha256 is [0-9a-f]{64}\.$/},
    {name: 'is shorter', promised: {size: 1001}, message: /^Of the layer, 1001 bytes with sha256 [0-9a-f]{64} were promised; it has 1000\.$/},
    {name: 'is longer', promised: {size: 999}, message: /^Of the layer, 999 bytes with sha256 [0-9a-f]{64} were promised; it has more\.$/},
  ]) {
    it(`never ends when its layer ${name} than was promised`, async () => {
      const slug = await assembleSlug({sourcePart: part('the source', gzipSync('a')), layer: part('the layer', randomBytes(1000), promised)})
      const seen: Buffer[] = []
      const failure = await failureOf((async () => {
        for await (const chunk of slug.open()) seen.push(chunk as Buffer)
      })())
      expect(failure.message).to.match(message)
      expect(failure.exitCode).to.equal(10)
      expect(Buffer.concat(seen).length).to.be.below(slug.size)
    })
  }

  it('is refused above 500M, with the sizes of its parts, before a byte is read', async () => {
    const open = () => expect.fail('was opened')
    const sourcePart = {what: 'the source', size: 10 * 1024 * 1024, sha256: '', open}
    const failure = await failureOf(assembleSlug({sourcePart, layer: {what: 'the layer', size: SLUG_LIMIT - 10 * 1024 * 1024, sha256: '', open}}))
    expect(failure).to.include({code: 'SLUG_TOO_LARGE', exitCode: 9, message: 'The slug has 500.1M (490M are the layer, 10M are the source); Heroku takes at most 500M.'})
    const fits = await assembleSlug({sourcePart, layer: {what: 'the layer', size: SLUG_LIMIT - 10 * 1024 * 1024 - 1000, sha256: '', open}})
    expect(fits.size).to.be.below(SLUG_LIMIT)
  })
})
