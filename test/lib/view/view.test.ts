import {expect} from 'chai'
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import fs from 'node:fs'
import {makeModesCanonical} from '../../../src/lib/view/canonical-modes.ts'
import {CHUNK} from '../../../src/lib/view/derive-file.ts'
import {rewritingDeriver} from '../../../src/lib/view/derive.ts'
import {publish, sweepUnfinished, unfinishedName} from '../../../src/lib/view/publish.ts'
import {removeTree} from '../../../src/lib/view/remove.ts'
import {TO_VIEW} from '../../../src/lib/view/rewriting.ts'
import {ensureInView, isFresh} from '../../../src/lib/view/view.ts'
import {listing, makeTrees, type TestTrees} from './support/trees.ts'

const NAME = '6f6had9j0i1g00p64sfs94jbm2pcfvbj-x'

describe('the view', () => {
  let trees: TestTrees
  beforeEach(() => {
    trees = makeTrees()
  })
  afterEach(() => {
    trees[Symbol.dispose]()
  })

  function addCanonical(name: string, text: string): void {
    removeTree(`${trees.canonical}/${name}`)
    fs.mkdirSync(`${trees.canonical}/${name}`)
    fs.writeFileSync(`${trees.canonical}/${name}/file`, text)
    makeModesCanonical(`${trees.canonical}/${name}`)
  }

  it('gets the paths that it lacks, and each once', () => {
    addCanonical(NAME, `/nix/store/${NAME}`)
    addCanonical('other', 'text')
    const names: string[] = []
    const onDerived = (name: string) => names.push(name)
    const made = [ensureInView(trees, [NAME, 'other'], {onDerived}), ensureInView(trees, [NAME, 'other'], {onDerived})]
    expect([made, names.sort(), listing(`${trees.view}/${NAME}`)['file']]).to.deep.equal([[2, 0], [NAME, 'other'], `444 1 /app/.nixs/${NAME}`])
  })

  it('tells of its progress for each file and each piece of a large one', () => {
    addCanonical(NAME, 'x'.repeat(5 * CHUNK))
    addCanonical('other', 'text')
    let told = 0
    ensureInView(trees, [NAME, 'other'], {onProgress: () => told++})
    expect(told).to.be.within(6, 8)
  })

  it('never shows old bytes of a path that was deleted and made anew', () => {
    addCanonical(NAME, 'old')
    ensureInView(trees, [NAME])
    addCanonical(NAME, 'new')
    ensureInView(trees, [NAME])
    expect(listing(`${trees.view}/${NAME}`)['file']).to.equal('444 1 new')
  })

  it('counts as fresh what was derived once', () => {
    addCanonical(NAME, 'text')
    ensureInView(trees, [NAME])
    expect(isFresh(trees, NAME)).to.equal(true)
  })

  it('links plain data as it is', () => {
    addCanonical(NAME, `/nix/store/${NAME}`)
    ensureInView(trees, [NAME], {isPlainData: name => name === NAME})
    expect(listing(`${trees.view}/${NAME}`)['file']).to.equal(`444 1 /nix/store/${NAME}`)
  })

  it('is made by any number of builders at once', async () => {
    for (let n = 0; n < 60; n++) addCanonical(`${NAME}-${n}`, `/nix/store/${NAME}-${n}`)
    const builders = Array.from({length: 5}, () => spawn(process.execPath, [`${import.meta.dirname}/support/derive-all.ts`, trees.canonical, trees.view], {stdio: 'inherit'}))
    const statuses = await Promise.all(builders.map(async builder => (await once(builder, 'close') as [number])[0]))
    const wrong = Array.from({length: 60}, (_, n) => n).filter(n => listing(`${trees.view}/${NAME}-${n}`)['file'] !== `444 1 /app/.nixs/${NAME}-${n}`)
    expect([statuses, fs.readdirSync(trees.view).length, wrong]).to.deep.equal([[0, 0, 0, 0, 0], 60, []])
  })

  it('holds a folder of 50 000 files', function () {
    this.timeout(120_000)
    fs.mkdirSync(`${trees.canonical}/${NAME}`)
    for (let n = 0; n < 50_000; n++) fs.writeFileSync(`${trees.canonical}/${NAME}/${n}`, n % 2 === 0 ? '' : '/nix/store')
    makeModesCanonical(`${trees.canonical}/${NAME}`)
    const derived: object[] = []
    ensureInView(trees, [NAME], {onDerived: (_, {linked, copied}) => derived.push({linked, copied})})
    expect(derived).to.deep.equal([{linked: 25_000, copied: 25_000}])
  })

  it('leaves nothing behind when a path cannot be derived', () => {
    expect(() => ensureInView(trees, ['absent'])).to.throw('absent does not exist')
    expect(fs.readdirSync(trees.view)).to.deep.equal([])
  })

  it('gives way to who was first', () => {
    addCanonical(NAME, 'text')
    const made = [1, 2].map(() => publish(rewritingDeriver(TO_VIEW), `${trees.canonical}/${NAME}`, `${trees.view}/${NAME}`))
    expect([made, fs.readdirSync(trees.view)]).to.deep.equal([[{linked: 1, copied: 0}, null], [NAME]])
  })

  it('is swept of what killed processes left unfinished', () => {
    const left = unfinishedName(trees.view, NAME)
    fs.mkdirSync(`${left}/shut`, {recursive: true})
    fs.writeFileSync(`${left}/shut/file`, '')
    fs.chmodSync(`${left}/shut`, 0o555)
    expect([sweepUnfinished(trees.view).length, fs.readdirSync(trees.view)]).to.deep.equal([1, []])
  })
})
