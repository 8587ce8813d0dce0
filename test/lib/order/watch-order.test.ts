import {expect} from 'chai'
import {EXIT, NixError} from '../../../src/lib/errors.ts'
import {chooseVia} from '../../../src/lib/redeploy/choose-via.ts'
import {parseOrderReport, signDone, type OrderReport} from '../../../src/lib/order/order-report.ts'
import {watchOrder} from '../../../src/lib/order/watch-order.ts'
import {makeSecretKey} from '../../../src/lib/signing/nix-key.ts'

const KEY = makeSecretKey('example-1', Buffer.alloc(32, 7))
const ORDER = {what: 'slug' as const, app: 'example-app', build: '20261123-100000-ab12', order: '20261123-120000-cd34'}
const BASE = {version: 1, order: ORDER.order, dyno: 'run.7', nonce: 'n'} as const
const running = (done: number): OrderReport => ({...BASE, state: 'running', heartbeatAt: '2026-11-23T12:00:00Z', done, total: 100})
const DONE = signDone({...BASE, state: 'done', size: 100, sha256: 'a'.repeat(64)}, ORDER, KEY)

/** The clock goes on by a second with each wait; `reports` says from which second on there is which report. */
async function watch(reports: Record<number, OrderReport>, dyno: 'absent' | 'present' = 'present', log = '') {
  let seconds = 0
  const progress: number[] = []
  const outcome = await watchOrder(ORDER, 'run.7', {
    key: KEY.publicKey, elapsed: () => seconds * 1000, onProgress: sent => progress.push(sent),
    reports: {
      read() {
        const at = Math.max(...Object.keys(reports).map(Number).filter(second => second <= seconds))
        const report = reports[at]
        return Promise.resolve(report ? {report, etag: String(at)} : null)
      },
    },
    platform: {
      dyno: name => Promise.resolve(dyno === 'absent' ? null : {id: '1', name, command: '', size: 'Eco', state: 'up', type: 'run', releaseVersion: 1}),
      dynos: () => Promise.resolve([]),
      logUrl: () => log === '' ? Promise.reject(new Error('no log')) : Promise.resolve(`data:text/plain,${encodeURIComponent(log)}`),
    },
    wait() {
      seconds += 1
      if (seconds > 60) throw new Error('watched for a minute')
      return Promise.resolve()
    },
  }).catch((error: unknown) => error)
  return {outcome, seconds, progress}
}

describe('watching a dyno that carries out an order', () => {
  it('gives what the dyno signed, after showing how far it was', async () => {
    const {outcome, progress} = await watch({2: running(10), 4: running(60), 5: DONE})
    expect(outcome).to.deep.equal(DONE)
    expect(progress).to.deep.equal([10, 10, 60])
  })

  it('waits for a dyno that says nothing for long, as long as Heroku lists it', async () => {
    expect((await watch({40: DONE})).outcome).to.deep.equal(DONE)
  })

  it('gives a dyno up within 15 s that Heroku does not list', async () => {
    const {outcome, seconds} = await watch({1: running(10)}, 'absent')
    expect([(outcome as NixError).code, (outcome as NixError).exitCode]).to.deep.equal(['DYNO_LOST', EXIT.buildLost])
    expect(seconds).to.be.at.most(15)
  })

  it('says that it took too much memory where Heroku\'s log does', async () => {
    const line = (text: string) => `2022-01-10T10:58:37.183286+00:00 heroku[run.7]: ${text}\n`
    const {outcome} = await watch({1: running(10)}, 'absent', line('Process running mem=1214M(237.2%)') + line('Error R15 (Memory quota vastly exceeded)'))
    expect(outcome).to.deep.include({
      code: 'OUT_OF_MEMORY', message: 'Heroku ended dyno run.7 because it took 1.2 GB of memory, and its size has 512 MB (R15).',
      suggestions: ['heroku nix:redeploy --size performance-m', 'heroku nix:redeploy --via local, which uploads from this machine'],
    })
  })

  it('throws the dyno\'s own failure', async () => {
    const failure = {code: 'SLUG_UPLOAD_REFUSED', message: 'status 403', exit: EXIT.unavailable, suggestions: ['heroku nix:redeploy']}
    const {outcome} = await watch({1: {...BASE, state: 'failed', failure}})
    expect(outcome).to.be.instanceOf(NixError).and.to.deep.include({code: failure.code, message: 'On dyno run.7: status 403', exitCode: EXIT.unavailable, suggestions: failure.suggestions})
  })

  for (const [name, report] of [
    ['another key signed', signDone({...BASE, state: 'done', size: 100, sha256: 'a'.repeat(64)}, ORDER, makeSecretKey('example-1', Buffer.alloc(32, 8)))],
    ['was signed for another build', signDone({...BASE, state: 'done', size: 100, sha256: 'a'.repeat(64)}, {...ORDER, build: '20261123-100000-zz99'}, KEY)],
    ['was signed for a layer', signDone({...BASE, state: 'done', size: 100, sha256: 'a'.repeat(64)}, {...ORDER, what: 'layer'}, KEY)],
    ['was changed', {...DONE, size: 99}],
  ] as const) {
    it(`refuses a report that ${name}`, async () => {
      expect((await watch({1: report})).outcome).to.have.property('code', 'BAD_SIGNATURE')
    })
  }
})

describe('a report of an order', () => {
  for (const [name, text] of [
    ['no JSON', '{'], ['an unknown field', JSON.stringify({...DONE, url: 'x'})], ['another version', JSON.stringify({...DONE, version: 2})],
    ['a dyno that would move the cursor', JSON.stringify({...DONE, dyno: '\u001B[2J'})],
    ['an exit code of nobody', JSON.stringify({...BASE, state: 'failed', failure: {code: 'X', message: '', exit: 0, suggestions: []}})],
  ] as const) {
    it(`is not ${name}`, () => expect(() => parseOrderReport(Buffer.from(text), 'x.json')).to.throw(NixError, /^x\.json is not a dyno's report of an order: /))
  }
})

describe('the way of a slug', () => {
  for (const [asked, size, via] of [[null, 64, 'local'], [null, 65, 'dyno'], ['local', 65, 'local'], ['dyno', 1, 'dyno']] as const) {
    it(`is ${via} for ${size} of 64 bytes when asked for ${asked ?? 'nothing'}`, () => expect(chooseVia(asked, size, 64)).to.equal(via))
  }
})
