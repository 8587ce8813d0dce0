import {expect} from 'chai'
import {createHash} from 'node:crypto'
import fs from 'node:fs'
import {gzipSync} from 'node:zlib'
import {after, before, describe, it} from 'mocha'
import {keys} from '../../../src/lib/bucket/keys.ts'
import type {LayerObject, SucceededBuild} from '../../../src/lib/build/record.ts'
import {signLayer} from '../../../src/lib/layers/layer-note.ts'
import {findLayer, noteLayer} from '../../../src/lib/layers/noted-layers.ts'
import {pruneLayer} from '../../../src/lib/layers/prune-layer.ts'
import {publishLayer} from '../../../src/lib/layers/publish-layer.ts'
import {layerDigest} from '../../../src/lib/slug/layer-digest.ts'
import {makeModesCanonical} from '../../../src/lib/view/canonical-modes.ts'
import {ensureInView} from '../../../src/lib/view/view.ts'
import {makeLayer} from '../../../src/dyno/build/make-layer.ts'
import {serve, type Served} from '../bucket/served.ts'
import {UNSIGNED} from '../build/records.ts'
import {OTHER_KEY, OWN_KEY} from '../closure/support/narinfos.ts'
import {save} from '../restore/support/saved-store.ts'
import {makeTrees, type TestTrees} from '../view/support/trees.ts'

const APP = `${'a'.repeat(32)}-app`
const LIBRARY = `${'b'.repeat(32)}-library`
const RULES = Buffer.from('- *.a\n- /store/*/share/\n')

describe('layers in the bucket', function () {
  this.timeout(60_000)
  let trees: TestTrees
  let served: Served
  let record: SucceededBuild
  const folder = (name: string) => {
    const made = `${trees.root}/${name}`
    fs.mkdirSync(made)
    return made
  }

  before(async () => {
    trees = makeTrees()
    served = await serve()
    write(`${APP}/bin/app`, `#!/nix/store/${LIBRARY}/bin/sh\n`, 0o755)
    write(`${LIBRARY}/lib/libx.a`, 'static')
    write(`${LIBRARY}/lib/libx.so`, `/nix/store/${LIBRARY}/lib`)
    write(`${LIBRARY}/share/doc/text`, 'documentation')
    for (const name of [APP, LIBRARY]) makeModesCanonical(`${trees.canonical}/${name}`)
    ensureInView(trees, [APP, LIBRARY])
    const app = await save(served.bucket, trees.canonical, APP, {references: [LIBRARY]})
    const library = await save(served.bucket, trees.canonical, LIBRARY, {references: [LIBRARY]})
    const closure = [app, library].map(({storePath: path, narHash, narSize, references}) => ({path, narHash, narSize, references}))
    record = {...UNSIGNED, signature: '', outcome: {...UNSIGNED.outcome, result: `/nix/store/${APP}`, closure}}
  })
  after(async () => {
    try {
      await served.close()
    } finally {
      trees[Symbol.dispose]()
    }
  })

  function write(file: string, content: string, mode = 0o644) {
    const place = `${trees.canonical}/${file}`
    fs.mkdirSync(place.slice(0, place.lastIndexOf('/')), {recursive: true})
    fs.writeFileSync(place, content, {mode})
  }

  const prune = (rules: Buffer | null, name: string) => pruneLayer(served.bucket, {record, rules, key: OWN_KEY.publicKey, folder: folder(name)})

  for (const [what, rules] of [['these rules', RULES], ['an empty file', Buffer.alloc(0)], ['no file', null]] as const) {
    it(`are, pruned anew by ${what}, those that a build with them makes, byte for byte`, async () => {
      const name = what.replaceAll(' ', '-')
      const {layer, file, summary} = await prune(rules, `anew-by-${name}`)
      const there = folder(`built-by-${name}`)
      if (rules !== null) fs.writeFileSync(`${there}/.slugexclude`, rules)
      const {closure, result, engine} = record.outcome
      const built = await makeLayer({
        view: trees.view, closure, result, engine, slugexclude: `${there}/.slugexclude`,
        layerFile: `${there}/layer`, listingFile: `${there}/listing`, signal: new AbortController().signal,
      })
      expect(layer).to.deep.equal(built.layer)
      expect(layer.digest).to.equal(layerDigest({closure, result, engine, slugexclude: rules}))
      expect(fs.readFileSync(file).equals(fs.readFileSync(`${there}/layer`))).to.equal(true)
      expect(summary.dropped.files).to.equal(rules === RULES ? 2 : 0)
    })
  }

  it('are refused where a path of the closure is not in the bucket', async () => {
    const [first, ...others] = record.outcome.closure
    if (!first) throw new Error('The closure is empty.')
    const other = {...record, outcome: {...record.outcome, closure: [first, ...others, {...first, path: `/nix/store/${'z'.repeat(32)}-gone`}]}}
    const error = await pruneLayer(served.bucket, {record: other, rules: RULES, key: OWN_KEY.publicKey, folder: folder('gone')}).catch((error: unknown) => error)
    expect(error).to.deep.include({code: 'PATH_NOT_SAVED', message: `/nix/store/${'z'.repeat(32)}-gone is not in bucket example-bucket.`})
  })

  describe('with a note', () => {
    const layerOf = (letter: string, bytes: Buffer): LayerObject => {
      const digest = letter.repeat(64)
      return {key: keys.layer(digest), digest, sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.length, unpackedSize: 7}
    }

    const look = async ({digest}: LayerObject, key = OWN_KEY) => {
      const refused: string[] = []
      const found = await findLayer(served.bucket, {digest, key: key.publicKey, onRefused: reason => refused.push(reason)})
      return {found, refused: refused.join('')}
    }

    const publish = (layer: LayerObject, bytes: Buffer, key = OWN_KEY) => {
      const file = `${trees.root}/published`
      fs.writeFileSync(file, bytes)
      return publishLayer(served.bucket, layer, {file, key})
    }

    const BYTES = Buffer.concat([gzipSync('one'), gzipSync('two')])

    it('are found by what they are made from, by each key that has signed them', async () => {
      const layer = layerOf('1', BYTES)
      expect(await look(layer)).to.deep.equal({found: null, refused: ''})
      expect(await publish(layer, BYTES)).to.deep.equal({layer, kind: 'stored'})
      expect(await look(layer)).to.deep.equal({found: layer, refused: ''})
      expect(await look(layer, OTHER_KEY)).to.deep.equal({found: null, refused: ''})
      expect(await publish(layer, BYTES, OTHER_KEY)).to.deep.equal({layer, kind: 'there'})
      expect(await look(layer, OTHER_KEY)).to.deep.equal({found: layer, refused: ''})
      expect(await look(layer)).to.deep.equal({found: layer, refused: ''})
    })

    it('are made again where they have gone, or have another size', async () => {
      const layer = layerOf('2', BYTES)
      await noteLayer(served.bucket, layer, OWN_KEY)
      expect((await look(layer)).found).to.equal(null)
      await served.bucket.put(layer.key, Buffer.from('cut'))
      expect((await look(layer)).found).to.equal(null)
    })

    it('are taken as another CPU has compressed them', async () => {
      const layer = layerOf('3', BYTES)
      const theirs = gzipSync('onetwo', {level: 1})
      await served.bucket.put(layer.key, theirs)
      const {kind, layer: there} = await publish(layer, BYTES)
      expect([kind, there]).to.deep.equal(['there', {...layerOf('3', theirs)}])
      expect((await look(layer)).found).to.deep.equal(there)
    })

    const others: [name: string, bytes: Buffer][] = [
      ['another content', gzipSync('other')], ['no gzip', Buffer.from('other')], ['half of it', BYTES.subarray(0, BYTES.length - 5)],
      ['the same with more behind it', Buffer.concat([BYTES, Buffer.from([0, 1, 2])])], ['nothing', Buffer.alloc(0)],
    ]
    for (const [name, bytes] of others) {
      it(`are put in the place of ${name}`, async () => {
        const layer = layerOf('6', BYTES)
        await served.bucket.put(layer.key, bytes)
        expect(await publish(layer, BYTES)).to.deep.equal({layer, kind: 'mended'})
        expect((await served.bucket.read(layer.key, {maxBytes: 1000}))?.bytes.equals(BYTES)).to.equal(true)
      })
    }

    const note = signLayer(layerOf('4', BYTES), OWN_KEY)
    const rows: [name: string, content: string, reason: RegExp][] = [
      ['other bytes', JSON.stringify({...note, layer: {...note.layer, sha256: 'f'.repeat(64)}}), /is not signed with NIX_SIGNING_KEY's key "example-app-1"/],
      ['another layer, rightly signed', JSON.stringify(signLayer(layerOf('5', BYTES), OWN_KEY)), /is not signed with .* for this layer/],
      ['another key', JSON.stringify(signLayer(note.layer, {...OTHER_KEY, name: OWN_KEY.name})), /is not signed/],
      ['no JSON', 'nothing', /is no note of a layer: the whole/],
      ['a key elsewhere', JSON.stringify({...note, layer: {...note.layer, key: 'elsewhere'}}), /is no note of a layer: layer/],
      ['far too much', ' '.repeat(10_000), /is no note of a layer/],
    ]
    for (const [name, content, reason] of rows) {
      it(`are not found, and that is said, where the note is of ${name}`, async () => {
        await served.bucket.put(note.layer.key, BYTES)
        await served.bucket.put(keys.layerNote(note.layer.digest, OWN_KEY.name), Buffer.from(content))
        const {found, refused} = await look(note.layer)
        expect(found).to.equal(null)
        expect(refused).to.match(reason).and.to.match(/so it is not used\.$/)
      })
    }
  })
})
