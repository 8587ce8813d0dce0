import {expect} from 'chai'
import {recordStore} from '../../../src/lib/build/record-store.ts'
import type {BuildRecord} from '../../../src/lib/build/record.ts'
import {NixError} from '../../../src/lib/errors.ts'
import {endRecord} from '../../../src/lib/order/end-record.ts'
import {largerSize, memoryOverrun} from '../../../src/lib/order/memory-overrun.ts'
import {noteLook, type Look, type Sightings} from '../../../src/lib/order/sightings.ts'
import {startDyno} from '../../../src/lib/order/start-dyno.ts'
import {parseTimeout} from '../../../src/lib/order/time-to-live.ts'
import {watchBuild, type WatchWorld} from '../../../src/lib/order/watch-build.ts'
import type {App, DynoInfo} from '../../../src/lib/platform/types.ts'
import {memoryBucket} from '../bucket/memory-bucket.ts'
import {FAILED, PENDING, RUNNING} from '../build/records.ts'

const NOW = new Date('2026-11-23T10:00:00Z')
const APP: App = {id: '1', name: 'example-app', region: 'us', stack: 'heroku-24', generation: 'cedar', space: null, webUrl: null, slugSize: 1}
const REQUEST = {attach: false as const, command: `bash ${PENDING.id}`, env: {}, time_to_live: 60}
const dyno = (name: string, command = REQUEST.command): DynoInfo => ({id: name, name, command, size: 'Eco', state: 'up', type: 'run', releaseVersion: 1})

async function stored(record: BuildRecord) {
  const bucket = memoryBucket()
  const records = recordStore(bucket, record.app)
  await records.create(PENDING)
  if (record.state !== 'pending') await records.replace(record, (await records.require(record.id)).etag)
  return {bucket, records}
}

/** The clock goes on by a second with each wait; `at` does what happens in between. */
async function watch(record: BuildRecord, {looks, at = {}, logUrl = () => Promise.reject(new Error('no log'))}: {looks: Look[]; logUrl?: WatchWorld['platform']['logUrl']; at?: Record<number, (world: Awaited<ReturnType<typeof stored>>) => Promise<unknown>>}) {
  const world = await stored(record)
  let seconds = 0
  let asked = 0
  const lost: string[] = []
  const answer = (): Look => looks[Math.min(asked++, looks.length - 1)] ?? {kind: 'unknown'}
  const platform: WatchWorld['platform'] = {
    dyno: name => {
      const look = answer()
      if (look.kind === 'unknown') throw new NixError('busy', {code: 'HEROKU_UNAVAILABLE', exit: 8})
      return Promise.resolve(look.kind === 'present' ? {...dyno(name), state: look.state} : null)
    },
    logUrl,
    dynos: () => Promise.resolve(answer().kind === 'present' ? [dyno('run.7')] : []),
  }
  const ended = await watchBuild(record.id, 'run.1234', record.app, {
    bucket: world.bucket, records: world.records, platform, elapsed: () => seconds * 1000, now: () => NOW, onLog: () => undefined,
    onLost: message => lost.push(message),
    async wait() {
      seconds += 1
      if (seconds > 60) throw new Error('watched for a minute')
      await at[seconds]?.(world)
    },
  })
  return {ended, lost, seconds, asked}
}

const beat = async ({records}: Awaited<ReturnType<typeof stored>>) => {
  const {record, etag} = await records.require(RUNNING.id)
  if (record.state === 'running') await records.replace({...record, heartbeatAt: new Date(NOW.getTime() + Math.random() * 1e6).toISOString()}, etag)
}

const finish = async ({records}: Awaited<ReturnType<typeof stored>>) => {
  const {etag} = await records.require(FAILED.id)
  await records.replace({...FAILED, logSegments: 0}, etag)
}

describe('watching a build', () => {
  it('asks Heroku nothing while the heartbeat goes on', async () => {
    const {asked, ended} = await watch(RUNNING, {
      looks: [{kind: 'absent'}], at: {...Object.fromEntries(Array.from({length: 30}, (_, second) => [second, beat])), 31: finish},
    })
    expect([asked, ended.state]).to.deep.equal([0, 'failed'])
  })

  it('finds a dyno that vanished within 15 s, and says so in the record', async () => {
    const {ended, lost, seconds} = await watch({...RUNNING, logSegments: 0}, {looks: [{kind: 'absent'}]})
    expect(ended.state).to.equal('lost')
    expect(lost).to.deep.equal(['The dyno run.1234 ended before the build did.'])
    expect(seconds).to.be.at.most(12)
  })

  it('says that it took too much memory where Heroku\'s log does, and which size has more', async () => {
    const log = [
      'heroku[run.1234]: Process running mem=1214M(237.2%)', 'heroku[run.1234]: Error R15 (Memory quota vastly exceeded)', 'heroku[run.1234]: Stopping process with SIGKILL',
    ].map(line => `2022-01-10T10:58:37.183286+00:00 ${line}\n`).join('')
    const asked: unknown[] = []
    const {ended} = await watch({...RUNNING, logSegments: 0}, {looks: [{kind: 'absent'}], logUrl: options => {
      asked.push(options)
      return Promise.resolve(`data:text/plain,${encodeURIComponent(log)}`)
    }})
    expect(asked).to.deep.equal([{dyno: 'run.1234', lines: 200}])
    expect(ended).to.have.property('failure').that.deep.equals({
      code: 'OUT_OF_MEMORY', exitStatus: null, suggestions: ['heroku nix:build --size performance-m, which goes on from what was saved'],
      message: 'Heroku ended dyno run.1234 because it took 1.2 GB of memory, and its size has 512 MB (R15). What was built before is saved.',
    })
  })

  it('believes a crash at once', async () => {
    const {ended, seconds} = await watch({...RUNNING, logSegments: 0}, {looks: [{kind: 'present', name: 'run.1234', state: 'crashed'}]})
    expect([ended.state, seconds <= 5]).to.deep.equal(['lost', true])
  })

  it('takes a dyno that finished the record and ended for what it is', async () => {
    const {ended, lost} = await watch(RUNNING, {looks: [{kind: 'absent'}], at: {7: finish}})
    expect([ended.state, lost]).to.deep.equal(['failed', []])
  })

  it('gives nobody up because Heroku does not answer', async () => {
    const {ended, lost} = await watch(RUNNING, {looks: [{kind: 'unknown'}], at: {40: finish}})
    expect([ended.state, lost]).to.deep.equal(['failed', []])
  })
})

describe('looks at a dyno', () => {
  const start: Sightings = {name: 'run.1', seen: false, misses: 0}
  const present: Look = {kind: 'present', name: 'run.1', state: 'up'}
  const rows: [name: string, looks: Look[], gone: boolean][] = [
    ['that was seen and is missing once do not tell', [present, {kind: 'absent'}], false],
    ['that was seen and is missing twice tell that it ended', [present, {kind: 'absent'}, {kind: 'absent'}], true],
    ['that comes late do not tell', [{kind: 'absent'}, {kind: 'absent'}, present], false],
    ['that never comes tell that it ended', [{kind: 'absent'}, {kind: 'absent'}, {kind: 'absent'}], true],
    ['without an answer do not count', [present, {kind: 'absent'}, {kind: 'unknown'}], false],
  ]
  for (const [name, looks, gone] of rows) {
    it(name, () => expect(looks.reduce((sightings, look) => noteLook(sightings, look), start)).to.deep.include(gone ? {gone} : {name: 'run.1'}))
  }
})

describe('starting a dyno', () => {
  const noAnswer = new NixError('broke', {code: 'NO_ANSWER', exit: 8})
  const start = async (record: BuildRecord, create: () => Promise<DynoInfo>, looks: DynoInfo[][]) => {
    const world = await stored(record)
    let looked = 0
    const name = await startDyno(PENDING.id, REQUEST, APP, {
      platform: {
        createDyno: create, createRelease: () => Promise.reject(noAnswer), createSlug: () => Promise.reject(noAnswer),
        dynos: () => Promise.resolve(looks[looked++] ?? []),
      },
      records: world.records, wait: () => Promise.resolve(), now: () => NOW, note: () => undefined,
    }).catch((error: unknown) => (error as NixError).code)
    return {name, state: (await world.records.require(PENDING.id)).record.state}
  }

  it('finds the one whose answer was lost, at its second look', async () => {
    expect(await start(PENDING, () => Promise.reject(noAnswer), [[dyno('run.1', 'other')], [dyno('run.1', 'other'), dyno('run.2')]]))
      .to.deep.equal({name: 'run.2', state: 'pending'})
  })

  it('cancels the record when there is none', async () => {
    expect(await start(PENDING, () => Promise.reject(noAnswer), [])).to.deep.equal({name: 'NO_ANSWER', state: 'cancelled'})
  })

  it('takes the one that has claimed the record, though nobody lists it', async () => {
    expect(await start(RUNNING, () => Promise.reject(noAnswer), [])).to.deep.equal({name: 'run.1234', state: 'running'})
  })

  it('cancels the record when Heroku refuses', async () => {
    const refused = new NixError('no', {code: 'DYNO_LIMIT', exit: 7})
    expect(await start(PENDING, () => Promise.reject(refused), [[dyno('run.2')]])).to.deep.equal({name: 'DYNO_LIMIT', state: 'cancelled'})
  })
})

describe('ending a record', () => {
  const ending = {state: 'lost' as const, code: 'DYNO_LOST', message: 'gone', suggestions: []}

  it('writes over what a heartbeat wrote in between', async () => {
    const world = await stored(RUNNING)
    let first = true
    const records = {
      ...world.records,
      require: async (id: string) => {
        const found = await world.records.require(id)
        if (first) await beat(world)
        first = false
        return found
      },
    }
    expect((await endRecord(records, RUNNING.id, ending, NOW)).state).to.equal('lost')
  })

  it('gives up on a record that changes all the time', async () => {
    const world = await stored(RUNNING)
    const error: unknown = await endRecord({require: id => world.records.require(id), replace: () => Promise.resolve(null)}, RUNNING.id, ending, NOW)
      .catch((caught: unknown) => caught)
    expect((error as NixError).code).to.equal('RECORD_CONTENDED')
  })

  it('leaves one that has ended as it is', async () => {
    const world = await stored(FAILED)
    expect(await endRecord(world.records, FAILED.id, ending, NOW)).to.deep.equal(FAILED)
  })
})

describe('--timeout', () => {
  for (const [text, seconds] of [['90m', 5400], ['2h', 7200], ['1h30m', 5400], ['24h', 86_400], ['60s', 60]] as const) {
    it(`${text} is ${seconds} s`, () => expect(parseTimeout(text)).to.equal(seconds))
  }

  for (const text of ['', '2', '25h', '59s', '2 h', '-1h', '1d']) {
    it(`"${text}" is none`, () => expect(() => parseTimeout(text)).to.throw(NixError, `--timeout is "${text}"`))
  }
})

describe('what Heroku\'s log says of memory', () => {
  const r15 = 'heroku[run.1]: Error R15 (Memory quota vastly exceeded)'
  const rows: [what: string, lines: string[], expected: [megabytes: number, quota: number] | null][] = [
    ['is the last that was measured before the end', ['heroku[run.1]: Process running mem=700M(136.7%)', 'heroku[run.1]: Error R14 (Memory quota exceeded)', 'heroku[run.1]: Process running mem=1280M(250.0%)', r15], [1280, 512]],
    ['is as older logs have it, too', ['heroku[run.1]: Process running mem=1028MB(205.6%)', r15], [1028, 500]],
    ['is nothing where it only swapped', ['heroku[run.1]: Process running mem=700M(136.7%)', 'heroku[run.1]: Error R14 (Memory quota exceeded)'], null],
    ['is nothing where the program printed that', ['app[run.1]: Process running mem=1280M(250.0%)', 'app[run.1]: Error R15 (Memory quota vastly exceeded)'], null],
    ['is nothing where nothing was measured', [r15], null],
    ['is nothing of an empty log', [], null],
  ]
  for (const [what, lines, expected] of rows) {
    it(what, () => {
      const found = memoryOverrun(lines.map(line => `2026-11-23T10:00:00.000000+00:00 ${line}\n`).join(''))
      expect(found && [found.bytes / 1024 ** 2, Math.round(found.quota / 1024 ** 2)]).to.deep.equal(expected)
    })
  }

  it('gives the smallest dyno that has more, while there is one', () => {
    expect([0.6, 1.1, 5, 28, 120].map(gigabytes => largerSize({bytes: gigabytes * 1024 ** 3}))).to.deep.equal(['standard-2x', 'performance-m', 'performance-l', 'performance-xl', null])
  })
})
