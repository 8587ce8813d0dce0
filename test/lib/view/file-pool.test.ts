import {expect} from 'chai'
import fs from 'node:fs'
import {fileDeriver} from '../../../src/lib/view/derive-file.ts'
import {begin, finish, rewritingDeriver} from '../../../src/lib/view/derive.ts'
import {FilePool, type FileJob} from '../../../src/lib/view/file-pool.ts'
import {makeModesCanonical} from '../../../src/lib/view/canonical-modes.ts'
import {TO_STORE, toStoreOnly} from '../../../src/lib/view/rewriting.ts'
import {listing, makeTrees, type TestTrees} from './support/trees.ts'

const HASH = '6f6had9j0i1g00p64sfs94jbm2pcfvbj'
const FILES = 600

describe('files that several threads derive', function () {
  this.timeout(60_000)
  let trees: TestTrees
  let source: string
  let target: string
  beforeEach(() => {
    trees = makeTrees()
    source = `${trees.view}/x`
    target = `${trees.canonical}/x`
    fs.mkdirSync(source)
  })
  afterEach(() => {
    trees[Symbol.dispose]()
  })

  function write(text: (n: number) => string): void {
    for (let n = 0; n < FILES; n++) fs.writeFileSync(`${source}/${n}`, text(n))
  }

  /** Not before the other threads have begun: they are given as many jobs as it takes. */
  function withThreads<T>(pool: FilePool, work: (jobs: readonly FileJob[]) => T): T {
    const jobs = fs.readdirSync(source).map(name => ({source: `${source}/${name}`, target: `${target}/${name}`}))
    try {
      return work(jobs)
    } finally {
      pool.close()
    }
  }

  it('are what one thread makes of them', () => {
    write(n => n % 2 === 0 ? `${n} /app/.nixs/${HASH}-x` : `${n} plain`)
    fs.writeFileSync(Buffer.concat([Buffer.from(`${source}/`), Buffer.from([0xff])]), '/app/.nixs')
    makeModesCanonical(source)
    const deriver = rewritingDeriver(TO_STORE)
    const begun = begin(deriver, source, target)
    const derived = finish(begun, deriver.deriveFiles(begun.files))
    deriver.close()
    const read = (name: string) => fs.readFileSync(`${target}/${name}`, 'utf8')
    expect([derived, read('100'), read('101'), fs.readdirSync(target).length, fs.statSync(target).mode & 0o777]).to.deep.equal([
      {linked: FILES / 2, copied: FILES / 2 + 1}, `100 /nix/store/${HASH}-x`, '101 plain', FILES + 1, 0o555,
    ])
  })

  it('are one file again where they were one', () => {
    write(n => `${n % 3} /app/.nixs`)
    for (let n = 3; n < FILES; n++) {
      fs.rmSync(`${source}/${n}`)
      fs.linkSync(`${source}/${n % 3}`, `${source}/${n}`)
    }

    makeModesCanonical(source)
    const deriver = rewritingDeriver(TO_STORE)
    const begun = begin(deriver, source, target)
    const derived = finish(begun, deriver.deriveFiles(begun.files))
    deriver.close()
    const inodes = new Set(fs.readdirSync(target).map(name => fs.statSync(`${target}/${name}`).ino))
    expect([derived, inodes.size, listing(target)['4']]).to.deep.equal([{linked: FILES - 3, copied: 3}, 3, '444 1 1 /nix/store'])
  })

  it('are shared: this thread, kept busy by its first one, does not derive all, and each report comes home', () => {
    write(n => `${n} /app/.nixs/${HASH}-x ${n === 599 ? '/nix/store' : ''}`)
    for (let n = 0; n < FILES; n += 100) fs.writeFileSync(`${source}/${n}`, '\u001f\u008b\u0008gzip', 'latin1')
    fs.mkdirSync(target)
    const containers: string[] = []
    let ambiguous = 0
    const pool = new FilePool(toStoreOnly([HASH]).spec, {onContainer: path => containers.push(path.toString()), onAmbiguous: () => ambiguous++}, 2)
    let own = 0
    const deriveFile = fileDeriver(toStoreOnly([HASH]), {onContainer: path => containers.push(path.toString()), onAmbiguous: () => ambiguous++})
    const made = withThreads(pool, jobs => pool.deriveFiles(jobs, (from, to) => {
      // An event of another thread: one of its files is there.
      while (own === 0 && fs.readdirSync(target).length === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
      own++
      return deriveFile(from, to)
    }))
    expect([made.length, own < FILES, containers.length, ambiguous, fs.readFileSync(`${target}/1`, 'utf8')]).to.deep.equal([FILES, true, 6, 1, `1 /nix/store/${HASH}-x `])
  })

  it('fail as one does, when nobody is at work any more', () => {
    write(() => '/app/.nixs')
    const deriver = rewritingDeriver(TO_STORE)
    const begun = begin(deriver, source, target)
    for (let n = 0; n < FILES; n += 50) fs.rmSync(`${source}/${n}`)
    expect(() => deriver.deriveFiles(begun.files)).to.throw(/ENOENT/).and.to.have.property('code', 'ENOENT')
    const left = fs.readdirSync(target).length
    deriver.close()
    expect(fs.readdirSync(target).length).to.equal(left)
  })
})
