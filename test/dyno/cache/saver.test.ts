import {expect} from 'chai'
import {setImmediate as turn} from 'node:timers/promises'
import type {RegisteredPath, Registrations} from '../../../src/dyno/cache/registrations.ts'
import {saver, type Saved, type StorePath} from '../../../src/dyno/cache/saver.ts'
import {saveSummary} from '../../../src/dyno/cache/summary.ts'

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

const SAVED: Saved = {kind: 'saved', bytes: 1}
const atOnce: StorePath = () => Promise.resolve(() => Promise.resolve(SAVED))

/** Completes nothing until it is let; NARs are there at once, unless they are held, too. */
function held({nars = false} = {}) {
  const stored: string[] = []
  const started: string[] = []
  const gates = new Map<string, () => void>()
  const gate = (name: string) => new Promise<void>(resolve => gates.set(name, resolve))
  const store: StorePath = async ({path}) => {
    stored.push(path)
    if (nars) await gate(`NAR of ${path}`)
    return async () => {
      started.push(path)
      await gate(path)
      return SAVED
    }
  }

  return {stored, started, store, go: (name: string) => gates.get(name)?.()}
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
    const {started, store: hold, go} = held()
    const saving = saver({registrations, store: hold, since: 0})
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
    const saving = saver({registrations, store: atOnce, since: registrations.lastId()})
    add('app.drv', {builtHere: false})
    add('app', {references: ['libc']})
    expect([...(await saving.finish(null)).keys()].sort()).to.deep.equal(['app', 'libc'])
  })

  it('lets Nix go on at once with 8 paths unsaved, and not with 9', async () => {
    const {registrations, add} = store()
    const {store: hold, go} = held()
    const saving = saver({registrations, store: hold, since: 0})
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
    const {store: hold, go} = held()
    const saving = saver({registrations, store: hold, since: 0})
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
    const {started, store: hold, go} = held()
    const saving = saver({registrations, store: hold, since: 0})
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

  it('stores NARs before what they refer to is there, so many at once, what was registered first first', async () => {
    const {registrations, add} = store()
    add('source', {builtHere: false})
    add('lib', {references: ['source']})
    add('app', {references: ['lib']})
    const {stored, started, store: hold, go} = held({nars: true})
    const finished = saver({registrations, store: hold, since: 0, parallel: 2}).finish(null)
    await turn()
    expect(stored).to.deep.equal(['source', 'lib'])
    go('NAR of lib')
    await turn()
    expect(stored).to.deep.equal(['source', 'lib', 'app'])
    go('NAR of app')
    await turn()
    expect(started).to.deep.equal([])
    for (const name of ['NAR of source', 'source', 'lib', 'app']) {
      go(name)
      await turn()
    }

    expect(started).to.deep.equal(['source', 'lib', 'app'])
    expect((await finished).size).to.equal(3)
  })

  it('begins on the largest of what is registered at once, and on fewer where they are large', async () => {
    const {registrations, add} = store()
    const MIB = 1024 ** 2
    for (const [path, narSize] of [['a', 1], ['b', 2], ['large', 50 * MIB], ['larger', 900 * MIB]] as const) add(path, {narSize})
    const {stored, store: hold, go} = held({nars: true})
    void saver({registrations, store: hold, since: 0, parallel: 4}).notice()
    await turn()
    expect(stored).to.deep.equal(['larger'])
    go('NAR of larger')
    await turn()
    expect(stored).to.deep.equal(['larger', 'large', 'b'])
    go('NAR of large')
    await turn()
    expect(stored).to.deep.equal(['larger', 'large', 'b', 'a'])
  })

  for (const [what, fails] of [['a NAR', 'store'], ['a narinfo', 'complete']] as const) {
    it(`tries ${what} that failed once more, at the end, and with it what depends on it, whose NAR is not stored again`, async () => {
      const {registrations, add} = store()
      add('lib')
      add('app', {references: ['lib']})
      const done: string[] = []
      const failOnce = (name: string) => {
        done.push(name)
        if (name === `${fails} lib` && done.filter(other => other === name).length === 1) throw new Error('The bucket is down.')
        return Promise.resolve()
      }
      const saving = saver({registrations, since: 0, store: async ({path}) => {
        await failOnce(`store ${path}`)
        return async () => {
          await failOnce(`complete ${path}`)
          return SAVED
        }
      }})
      const results = await saving.finish(null)
      expect([...results.values()].map(({kind}) => kind)).to.deep.equal(['saved', 'saved'])
      expect(done.filter(name => name === 'store app')).to.deep.equal(['store app'])
      expect(done.slice(-2)).to.deep.equal(['complete lib', 'complete app'])
    })
  }

  it('stores a NAR again that a sweep took', async () => {
    const {registrations, add} = store()
    add('app')
    const gone = [['app'], []]
    const {stored, store: hold, go} = held()
    const finished = saver({registrations, store: hold, since: 0, lost: () => Promise.resolve(gone.shift() ?? [])}).finish(null)
    for (let time = 1; time <= 2; time++) {
      await turn()
      expect(stored).to.have.length(time)
      go('app')
      await turn()
    }

    expect([...await finished]).to.deep.equal([['app', SAVED]])
  })

  it('in a hurry saves only what was built, and ends when there is no more time', async () => {
    const {registrations, add} = store()
    add('app')
    add('source', {builtHere: false})
    const {started, store: hold, go} = held()
    const saving = saver({registrations, store: hold, since: 0})
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
