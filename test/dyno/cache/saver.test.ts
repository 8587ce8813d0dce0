import {expect} from 'chai'
import {createCipheriv} from 'node:crypto'
import fs from 'node:fs'
import {tmpdir} from 'node:os'
import {setImmediate as turn} from 'node:timers/promises'
import {packNar} from '../../../src/lib/cache/pack-nar.ts'
import type {RegisteredPath, Registrations} from '../../../src/dyno/cache/registrations.ts'
import {saver, type Saved} from '../../../src/dyno/cache/saver.ts'
import {saveSummary} from '../../../src/dyno/cache/summary.ts'
import {hashAll} from '../../../src/lib/closure/content-hash.ts'
import {narOf} from '../../../src/lib/closure/nar-writer.ts'
import {decompressor} from '../../../src/lib/closure/compression.ts'

/** What Nix would have registered; a test adds to it as Nix does. */
function store() {
  const paths: RegisteredPath[] = []
  const registrations: Registrations = {
    lastId: () => paths.length,
    after: id => paths.filter(path => path.id > id),
    of: path => paths.find(other => other.path === path) ?? null,
    close: () => undefined,
  }
  return {
    registrations,
    add: (path: string, {references = [], builtHere = true, narSize = 100}: Partial<RegisteredPath> = {}) => {
      paths.push({id: paths.length + 1, path, references, builtHere, narSize, narHash: '', deriver: null, signatures: [], ca: null})
    },
  }
}

/** Saves nothing until it is let. */
function held() {
  const started: string[] = []
  const gates = new Map<string, (saved: Saved) => void>()
  return {
    started,
    save: (path: RegisteredPath) => {
      started.push(path.path)
      return new Promise<Saved>(resolve => gates.set(path.path, resolve))
    },
    go: (path: string) => gates.get(path)?.({kind: 'saved', bytes: 1}),
  }
}

const isSettled = async (promise: Promise<unknown>) => {
  await turn()
  await turn()
  return Promise.race([promise.then(() => true), turn(false)])
}

describe('saving', () => {
  it('puts a path after all that it refers to, itself aside', async () => {
    const {registrations, add} = store()
    add('app', {references: ['app', 'lib', 'source']})
    add('lib', {references: ['source']})
    add('source', {builtHere: false})
    const {started, save, go} = held()
    const saving = saver({registrations, save, since: 0})
    await saving.notice()
    const finished = saving.finish(null)
    for (const [path, next] of [['source', 'lib'], ['lib', 'app']] as const) {
      await turn()
      expect(started.at(-1)).to.equal(path)
      go(path)
      await turn()
      await turn()
      expect(started.at(-1)).to.equal(next)
    }

    go('app')
    expect([...(await finished).keys()].sort()).to.deep.equal(['app', 'lib', 'source'])
  })

  it('leaves out derivations, and of Nix\'s own paths those that nothing refers to', async () => {
    const {registrations, add} = store()
    add('nix', {builtHere: false})
    add('libc', {builtHere: false})
    const saving = saver({registrations, save: () => Promise.resolve({kind: 'saved', bytes: 1}), since: registrations.lastId()})
    add('app.drv', {builtHere: false})
    add('app', {references: ['libc']})
    expect([...(await saving.finish(null)).keys()].sort()).to.deep.equal(['app', 'libc'])
  })

  it('lets Nix go on at once with 8 paths unsaved, and not with 9', async () => {
    const {registrations, add} = store()
    const {save, go} = held()
    const saving = saver({registrations, save, since: 0})
    for (let n = 1; n <= 8; n++) add(`p${n}`)
    expect(await isSettled(saving.notice())).to.equal(true)
    add('p9')
    const waiting = saving.notice()
    expect(await isSettled(waiting)).to.equal(false)
    go('p1')
    expect(await isSettled(waiting)).to.equal(true)
  })

  it('makes Nix wait when more than 256 MiB are unsaved', async () => {
    const {registrations, add} = store()
    const {save, go} = held()
    const saving = saver({registrations, save, since: 0})
    add('large', {narSize: 256 * 1024 ** 2})
    expect(await isSettled(saving.notice())).to.equal(true)
    add('small')
    const waiting = saving.notice()
    expect(await isSettled(waiting)).to.equal(false)
    go('small')
    expect(await isSettled(waiting)).to.equal(true)
  })

  it('begins on sources when nothing that was built waits', async () => {
    const {registrations, add} = store()
    const {started, save, go} = held()
    const saving = saver({registrations, save, since: 0})
    add('source', {builtHere: false})
    add('app')
    await saving.notice()
    await turn()
    expect(started).to.deep.equal(['app'])
    go('app')
    await turn()
    await turn()
    expect(started).to.deep.equal(['app', 'source'])
  })

  it('tries once more what failed, at the end, and with it what depended on it', async () => {
    const {registrations, add} = store()
    add('lib')
    add('app', {references: ['lib']})
    let attempts = 0
    const saving = saver({registrations, since: 0, save: path => {
      if (path.path === 'lib' && attempts++ === 0) throw new Error('The bucket is down.')
      return Promise.resolve({kind: 'saved', bytes: 1})
    }})
    const results = await saving.finish(null)
    expect([...results.values()].map(({kind}) => kind)).to.deep.equal(['saved', 'saved'])
    expect(attempts).to.equal(2)
  })

  it('in a hurry saves only what was built, and ends when there is no more time', async () => {
    const {registrations, add} = store()
    add('app')
    add('source', {builtHere: false})
    const {started, save, go} = held()
    const saving = saver({registrations, save, since: 0})
    const stop = new AbortController()
    const finished = saving.finish(stop.signal)
    expect(await isSettled(finished)).to.equal(false)
    go('app')
    expect([...(await finished).keys()]).to.deep.equal(['app'])
    expect(started).to.deep.equal(['app'])

    add('slow')
    const second = saving.finish(stop.signal)
    expect(await isSettled(second)).to.equal(false)
    stop.abort()
    expect(await isSettled(second)).to.equal(true)
  })

  it('says in one line what came of it', () => {
    const results: Saved[] = [
      {kind: 'saved', bytes: 1000}, {kind: 'saved', bytes: 200}, ...Array<Saved>(566).fill({kind: 'there'}), ...Array<Saved>(2001).fill({kind: 'upstream', bytes: 9}),
    ]
    expect(saveSummary(results, bytes => `${bytes} bytes`)).to.equal('saved 2 paths, 1200 bytes (566 already there, 2 001 from upstream)')
    expect(saveSummary([{kind: 'saved', bytes: 1}, {kind: 'failed', error: null}], bytes => `${bytes} bytes`)).to.equal('saved 1 path, 1 bytes (1 not saved)')
    expect(saveSummary([], () => 'nothing')).to.equal('saved 0 paths, nothing')
  })
})

describe('packNar', () => {
  let folder: string
  beforeEach(() => {
    folder = fs.mkdtempSync(`${tmpdir()}/pack-`)
  })
  afterEach(() => fs.rmSync(folder, {recursive: true}))

  for (const [what, size] of [['in memory', 1000], ['in a file, where it is large', 9_000_000]] as const) {
    it(`compresses ${what}, and says what it made`, async () => {
      fs.writeFileSync(`${folder}/path`, incompressible(size))
      const nar = await hashAll(narOf(`${folder}/path`))
      const packed = await packNar(`${folder}/path`, {narHash: nar.hash, narSize: nar.size, file: `${folder}/packed`})
      const bytes = 'file' in packed.body ? fs.readFileSync(packed.body.file) : packed.body
      expect('file' in packed.body).to.equal(size > 8_000_000)
      expect({hash: packed.fileHash, size: packed.fileSize}).to.deep.equal(await hashAll([bytes]))
      const stream = decompressor('zstd')
      stream.end(bytes)
      expect(await hashAll(stream)).to.deep.equal(nar)
    })

    it(`refuses what is not what Nix registered, ${what}, and leaves nothing behind`, async () => {
      fs.writeFileSync(`${folder}/path`, incompressible(size))
      const {hash, size: narSize} = await hashAll(narOf(`${folder}/path`))
      fs.writeFileSync(`${folder}/path`, Buffer.alloc(size, 'other path '))
      const error = await packNar(`${folder}/path`, {narHash: hash, narSize, file: `${folder}/packed`}).catch((reason: unknown) => reason)
      expect(error).to.include({code: 'NAR_CHANGED'})
      expect(fs.readdirSync(folder)).to.deep.equal(['path'])
    })
  }
})

/** The same each time. */
function incompressible(size: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(size))
}
