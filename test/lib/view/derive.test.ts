import {expect} from 'chai'
import {execFileSync} from 'node:child_process'
import fs from 'node:fs'
import {makeModesCanonical} from '../../../src/lib/view/canonical-modes.ts'
import {CHUNK} from '../../../src/lib/view/derive-file.ts'
import {derive, linkingDeriver, rewritingDeriver} from '../../../src/lib/view/derive.ts'
import {TO_VIEW} from '../../../src/lib/view/rewriting.ts'
import {listing, makeTrees, roomyFolder, type TestTrees} from './support/trees.ts'

const PATH = '/nix/store/6f6had9j0i1g00p64sfs94jbm2pcfvbj-x'
const VIEW_PATH = '/app/.nixs/6f6had9j0i1g00p64sfs94jbm2pcfvbj-x'

describe('deriving a path', () => {
  let trees: TestTrees
  let source: string
  let target: string
  beforeEach(() => {
    trees = makeTrees()
    source = `${trees.canonical}/x`
    target = `${trees.view}/x`
  })
  afterEach(() => {
    trees[Symbol.dispose]()
  })

  function deriveCanonical(deriver = rewritingDeriver(TO_VIEW)) {
    makeModesCanonical(source)
    return derive(deriver, source, target)
  }

  it('rewrites files and symlinks, and keeps modes and times', () => {
    fs.mkdirSync(`${source}/bin`, {recursive: true})
    fs.writeFileSync(`${source}/bin/run`, `#!${PATH}/bin/sh\n`, {mode: 0o755})
    fs.writeFileSync(`${source}/conf`, `dir=${PATH}\n`)
    fs.symlinkSync(`${PATH}/lib`, `${source}/lib`)
    deriveCanonical()
    expect(listing(target)).to.deep.equal({
      '.': '555 1', bin: '555 1', 'bin/run': `555 1 #!${VIEW_PATH}/bin/sh\n`, conf: `444 1 dir=${VIEW_PATH}\n`, lib: `-> ${VIEW_PATH}/lib`,
    })
  })

  it('links a file that holds no store path, and copies none', () => {
    fs.mkdirSync(source)
    fs.writeFileSync(`${source}/data`, 'x'.repeat(CHUNK * 3))
    const derived = deriveCanonical()
    expect([derived, fs.statSync(`${target}/data`).ino]).to.deep.equal([{linked: 1, copied: 0}, fs.statSync(`${source}/data`).ino])
  })

  it('leaves the source as it was', () => {
    fs.mkdirSync(source)
    fs.writeFileSync(`${source}/conf`, PATH)
    makeModesCanonical(source)
    const before = listing(source)
    derive(rewritingDeriver(TO_VIEW), source, target)
    expect(listing(source)).to.deep.equal(before)
  })

  for (const offset of [0, CHUNK - 10, CHUNK - 1, CHUNK, CHUNK + 5, CHUNK * 2 - 3, CHUNK * 3 + 7]) {
    it(`finds a path at byte ${offset}, wherever the chunks end`, () => {
      fs.writeFileSync(source, `${'.'.repeat(offset)}${PATH}${'.'.repeat(CHUNK)}`)
      deriveCanonical()
      expect(fs.readFileSync(target, 'utf8') === `${'.'.repeat(offset)}${VIEW_PATH}${'.'.repeat(CHUNK)}`).to.equal(true)
    })
  }

  for (const size of [CHUNK - 1, CHUNK, CHUNK + 1, CHUNK + TO_VIEW.window, CHUNK * 2]) {
    it(`finds a path at the end of a file of ${size} bytes`, () => {
      fs.writeFileSync(source, `${'.'.repeat(size - PATH.length)}${PATH}`)
      deriveCanonical()
      expect(fs.readFileSync(target, 'utf8') === `${'.'.repeat(size - PATH.length)}${VIEW_PATH}`).to.equal(true)
    })
  }

  it('keeps files of several names one file, rewritten or not', () => {
    fs.mkdirSync(`${source}/bin`, {recursive: true})
    for (const [name, text] of [['run', PATH], ['data', 'text']] as const) {
      fs.writeFileSync(`${source}/${name}`, text)
      fs.linkSync(`${source}/${name}`, `${source}/bin/${name}`)
    }

    const derived = deriveCanonical()
    const inode = (name: string) => fs.statSync(`${target}/${name}`).ino
    expect([derived, inode('run') === inode('bin/run'), inode('data') === inode('bin/data'), listing(target)['bin/run']]).to.deep.equal([
      {linked: 3, copied: 1}, true, true, `444 1 ${VIEW_PATH}`,
    ])
  })

  it('makes copies of its own for another path that shares a file', () => {
    fs.writeFileSync(source, PATH)
    fs.linkSync(source, `${source}2`)
    const deriver = rewritingDeriver(TO_VIEW)
    expect([source, `${source}2`].map((from, n) => derive(deriver, from, `${target}${n}`))).to.deep.equal([{linked: 0, copied: 1}, {linked: 0, copied: 1}])
  })

  it('needs little memory for a file of 2 GiB', function () {
    this.timeout(120_000)
    const size = 2 ** 31 + 5
    using large = makeTrees(roomyFolder(size * 2))
    const [from, to] = [`${large.canonical}/x`, `${large.view}/x`]
    fs.writeFileSync(from, '')
    fs.truncateSync(from, size - PATH.length)
    fs.appendFileSync(from, PATH)
    makeModesCanonical(from)
    const derived = execFileSync(process.execPath, [`${import.meta.dirname}/../../../bench/support/derive-view.ts`, large.canonical, large.view], {encoding: 'utf8'})
    const end = Buffer.alloc(PATH.length)
    const file = fs.openSync(to, 'r')
    fs.readSync(file, end, 0, end.length, size - PATH.length)
    fs.closeSync(file)
    expect([fs.statSync(to).size, end.toString()]).to.deep.equal([size, VIEW_PATH])
    expect((JSON.parse(derived) as {memory: number}).memory / 1e6).to.be.below(200)
  })

  it('keeps names that are not UTF-8', () => {
    fs.mkdirSync(source)
    const name = Buffer.concat([Buffer.from(`${source}/`), Buffer.from([0x66, 0xff])])
    fs.writeFileSync(name, PATH)
    deriveCanonical()
    expect(fs.readdirSync(target, {encoding: 'buffer'})).to.deep.equal([Buffer.from([0x66, 0xff])])
  })

  it('links all of a path of plain data, whatever its bytes say', () => {
    fs.mkdirSync(source)
    fs.writeFileSync(`${source}/go.sum`, PATH)
    fs.symlinkSync(PATH, `${source}/link`)
    deriveCanonical(linkingDeriver)
    expect([fs.readFileSync(`${target}/go.sum`, 'utf8'), fs.readlinkSync(`${target}/link`)]).to.deep.equal([PATH, PATH])
  })

  it('needs little memory for a large file', () => {
    fs.closeSync(fs.openSync(source, 'w'))
    fs.truncateSync(source, 100 * CHUNK)
    fs.appendFileSync(source, PATH)
    const before = process.memoryUsage().rss
    deriveCanonical()
    expect((process.memoryUsage().rss - before) / CHUNK).to.be.below(40)
    expect(fs.statSync(target).size).to.equal(100 * CHUNK + PATH.length)
  })

  it('refuses a FIFO by name, without opening it', () => {
    fs.mkdirSync(source)
    execFileSync('mkfifo', [`${source}/pipe`])
    expect(() => derive(rewritingDeriver(TO_VIEW), source, target)).to.throw(`${source}/pipe is not a file, a folder or a symlink`)
  })
})

describe('making modes canonical', () => {
  let trees: TestTrees
  let source: string
  beforeEach(() => {
    trees = makeTrees()
    source = `${trees.canonical}/x`
  })
  afterEach(() => {
    trees[Symbol.dispose]()
  })

  it('opens what nobody may read, and closes what others may write', () => {
    fs.mkdirSync(`${source}/shut`, {recursive: true})
    fs.writeFileSync(`${source}/shut/file`, 'a', {mode: 0o000})
    fs.writeFileSync(`${source}/tool`, 'b')
    fs.chmodSync(`${source}/tool`, 0o6777)
    fs.chmodSync(`${source}/shut`, 0o000)
    makeModesCanonical(source)
    expect(listing(source)).to.deep.equal({'.': '555 1', shut: '555 1', 'shut/file': '444 1 a', tool: '555 1 b'})
  })

  it('does not follow a symlink', () => {
    fs.mkdirSync(source)
    fs.writeFileSync(`${trees.root}/outside`, 'c', {mode: 0o600})
    fs.symlinkSync(`${trees.root}/outside`, `${source}/link`)
    makeModesCanonical(source)
    expect(fs.statSync(`${trees.root}/outside`).mode & 0o777).to.equal(0o600)
  })

  it('refuses a FIFO by name', () => {
    fs.mkdirSync(source)
    execFileSync('mkfifo', [`${source}/pipe`])
    expect(() => makeModesCanonical(source)).to.throw(`${source}/pipe is not a file, a folder or a symlink: a store path cannot hold it`)
  })
})
