import {expect} from 'chai'
import fs from 'node:fs'
import {Readable} from 'node:stream'
import {gzipSync} from 'node:zlib'
import {after, before, describe, it} from 'mocha'
import {pathsAsFound, type FoundPath} from '../../../src/lib/restore/find-paths.ts'
import {closureEntries} from '../../../src/lib/restore/closure-entries.ts'
import {restoreTree} from '../../../src/lib/restore/restore-tree.ts'
import {writeLayer} from '../../../src/lib/slug/layer.ts'
import {walkView} from '../../../src/lib/slug/walk-view.ts'
import {parseRules} from '../../../src/lib/slugexclude/parse-rules.ts'
import {makeModesCanonical} from '../../../src/lib/view/canonical-modes.ts'
import {ensureInView} from '../../../src/lib/view/view.ts'
import {serve, type Served} from '../bucket/served.ts'
import {OWN_KEY} from '../closure/support/narinfos.ts'
import {describeTree, Memory} from '../slug/trees.ts'
import {makeTrees, type TestTrees} from '../view/support/trees.ts'
import {describeRefusals} from './support/refusals.ts'
import {save, tarOf, zipOf} from './support/saved-store.ts'

const hashPart = (letter: string) => letter.repeat(32)
const NAMES = {
  app: `${hashPart('a')}-app`, archives: `${hashPart('b')}-archives`, file: `${hashPart('c')}-file`, source: `${hashPart('f')}-source`,
  lib: `${hashPart('g')}-lib`, large: `${hashPart('h')}-large`,
}
const names = Object.values(NAMES)
const TRUSTED = {trusted: [OWN_KEY.publicKey]}
const RULES = '*.a\n/store/*/share/doc\n- /store/*-large/self\n+ keep\n'

describe('restoring a closure without Nix', function () {
  this.timeout(120_000)
  let trees: TestTrees
  let served: Served
  let found: FoundPath[]

  before(async () => {
    trees = makeTrees()
    served = await serve()
    makeStore(trees)
    for (const name of names) makeModesCanonical(`${trees.canonical}/${name}`)
    ensureInView(trees, names, {isPlainData: name => name === NAMES.source})
    const {bucket} = served
    await save(bucket, trees.canonical, NAMES.app, {references: [NAMES.lib, NAMES.archives, NAMES.file, NAMES.app]})
    await save(bucket, trees.canonical, NAMES.archives, {references: [NAMES.large], compression: 'xz'})
    await save(bucket, trees.canonical, NAMES.file, {references: [NAMES.lib], compression: 'bzip2'})
    await save(bucket, trees.canonical, NAMES.source, {deriver: null, compression: 'none'})
    await save(bucket, trees.canonical, NAMES.lib, {references: [NAMES.source], isOwn: true})
    await save(bucket, trees.canonical, NAMES.large, {references: [NAMES.source, NAMES.large], compression: 'none'})
    found = await Readable.from(pathsAsFound(bucket, [{path: `/nix/store/${NAMES.app}`}], {...TRUSTED, closure: true})).toArray() as FoundPath[]
  })
  after(async () => {
    await served.close()
    trees[Symbol.dispose]()
  })

  it('finds a closure by its root, also paths that only our dynos may use', () => {
    expect(found.map(({info}) => info.storePath).sort()).to.deep.equal(names.map(name => `/nix/store/${name}`).sort())
    expect(found.find(({info}) => info.storePath.endsWith('-lib'))?.narKey).to.match(/^heroku\/cache\/nar\//)
  })

  for (const [what, rules] of [['everything', null], ['what the rules keep', RULES]] as const) {
    it(`makes the same layer of ${what}, byte for byte, as the dyno made from its view`, async () => {
      const layerOf = async (entries: Parameters<typeof writeLayer>[0]['entries']) => {
        const sink = new Memory()
        const {sha256, kept, dropped} = await writeLayer({entries, rules: rules === null ? null : parseRules(rules), result: NAMES.app, sink})
        return {sha256, kept, dropped}
      }

      const ofView = await layerOf(walkView(trees.view, names))
      const restored = await layerOf(closureEntries(served.bucket, found, {scratch: trees.root}))
      expect(restored).to.deep.equal(ofView)
      expect(restored.dropped.files > 0).to.equal(rules !== null)
    })
  }

  for (const [how, threads] of [['by one thread', 0], ['by threads beside it', 2]] as const) {
    it(`makes the same tree as the view, modes and times too, ${how}`, async () => {
      const folder = `${trees.root}/whole-${threads}`
      const results = await restoreTree(served.bucket, found, {folder, rules: null, threads})
      expect(await describeTree(folder)).to.deep.equal(await describeTree(trees.view))
      expect(results.map(({kind}) => kind)).to.deep.equal(names.map(() => 'restored'))
      const again = await restoreTree(served.bucket, found, {folder, rules: null, threads})
      expect(again.map(({kind}) => kind)).to.deep.equal(names.map(() => 'there'))
    })

    it(`never writes what the rules leave out, ${how}`, async () => {
      const folder = `${trees.root}/pruned-${threads}`
      await restoreTree(served.bucket, found, {folder, rules: parseRules(`${RULES}/store/*-source\n`), threads})
      const kept = (await describeTree(folder)).map(line => /"(.*?)"/.exec(line)?.[1] ?? '')
      expect(kept).to.include(`${NAMES.app}/bin/run`)
      expect(kept.filter(path => /\.a$|share\/doc|-source|large\/self|\/empty$/.test(path))).to.deep.equal([])
    })
  }

  describeRefusals(() => ({bucket: served.bucket, trees}))
})

function makeStore({root, canonical}: TestTrees): void {
  const path = `/nix/store/${NAMES.lib}/lib/libx.so`
  const write = (name: string, file: string, bytes: Buffer | string, mode = 0o644) => {
    const place = `${canonical}/${name}/${file}`
    fs.mkdirSync(place.slice(0, place.lastIndexOf('/')), {recursive: true})
    fs.writeFileSync(place, bytes, {mode})
  }

  write(NAMES.app, 'bin/run', `#!/nix/store/${NAMES.lib}/bin/sh\nexec ${path}\n`, 0o755)
  write(NAMES.app, 'share/doc/text', path)
  write(NAMES.app, 'share/utf16', Buffer.from(`see ${path} there`, 'utf16le'))
  write(NAMES.app, 'empty-file', '')
  fs.mkdirSync(`${canonical}/${NAMES.app}/empty`)
  fs.symlinkSync(path, `${canonical}/${NAMES.app}/link`)
  fs.symlinkSync('../elsewhere', `${canonical}/${NAMES.app}/relative`)
  fs.writeFileSync(Buffer.concat([Buffer.from(`${canonical}/${NAMES.app}/`), Buffer.from([0xff, 0xfe])]), path)
  write(NAMES.lib, 'lib/libx.so', Buffer.concat([Buffer.alloc(9000, 7), Buffer.from(`\0${path}:/nix/store\0`)]))
  write(NAMES.lib, 'lib/libx.a', path)
  fs.writeFileSync(`${canonical}/${NAMES.file}`, `alone ${path}`)
  write(NAMES.source, 'Cargo.lock', `text of ${path} that a checksum covers`)

  const scratch = `${root}/scratch`
  fs.mkdirSync(scratch)
  fs.writeFileSync(`${scratch}/member`, `${path}\n`.repeat(3))
  fs.writeFileSync(`${scratch}/long-member`, `${path}\n${'x'.repeat(977)}`.repeat(6000))
  write(NAMES.archives, 'small.tar', tarOf(scratch, 'member'))
  write(NAMES.archives, 'small.zip', zipOf(scratch, 'member'))
  write(NAMES.archives, 'compressed.gz', gzipSync(path))
  // What it stands for is compressed, so that its bytes stay.
  write(NAMES.archives, 'stored.gz', Buffer.concat([gzipSync('x', {level: 0}), Buffer.from(path)]))
  write(NAMES.large, 'archive.tar', tarOf(scratch, 'long-member'))
  write(NAMES.large, 'archive.zip', zipOf(scratch, 'long-member'))
  // Only its end shows that it is an archive, and its first bytes are long gone by then.
  write(NAMES.large, 'self', Buffer.concat([Buffer.from(`#!/bin/sh\n# ${path}\n`), zipOf(scratch, 'long-member')]), 0o755)
  fs.renameSync(`${scratch}/long-member.zip`, `${scratch}/inner.zip`)
  write(NAMES.large, 'nested.tar', tarOf(scratch, 'inner.zip'))
  write(NAMES.large, 'sealed.gz', Buffer.concat([gzipSync('x'), Buffer.alloc(5_000_000, path)]))
  write(NAMES.large, 'text', Buffer.alloc(9_000_001, `${path} `))
  write(NAMES.large, 'wide', Buffer.from(Buffer.alloc(3_000_000, `${path} `).toString(), 'utf16le'))
}
