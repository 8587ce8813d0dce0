import {expect} from 'chai'
import {NixError} from '../../../src/lib/errors.ts'
import {herokuPlatform} from '../../../src/lib/platform/platform.ts'
import type {PlatformAnswer, PlatformRequest} from '../../../src/lib/platform/request.ts'

/** Answers in turn; an Error is a connection that broke. */
function scripted(answers: (Error | Partial<PlatformAnswer>)[], total = 30_000) {
  const sent: PlatformRequest[] = []
  const waited: number[] = []
  const platform = herokuPlatform('example-app', request => {
    sent.push(request)
    const answer = answers[sent.length - 1]
    if (answer === undefined) throw new Error('one request too many')
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve({status: 200, headers: {}, body: null, ...answer})
  }, {
    total,
    wait: milliseconds => {
      waited.push(milliseconds)
      return Promise.resolve()
    },
  })
  return {platform, sent, waited}
}

const busy = (status: number, message: string, headers = {}) => ({status, headers, body: {id: 'x', message}})
const DYNO = {id: '1', name: 'run.1', command: 'x', size: 'Eco', state: 'starting', type: 'run'}

async function failure(act: Promise<unknown>): Promise<NixError> {
  const error: unknown = await act.then(() => null, (caught: unknown) => caught)
  expect(error).to.be.instanceOf(NixError)
  return error as NixError
}

describe('what we ask of Heroku', () => {
  it('is asked again while Heroku is busy, each time later', async () => {
    const {platform, waited} = scripted([busy(503, 'down'), busy(429, 'slow'), busy(502, 'down'), {body: {NIX_S3_BUCKET: 'b'}}])
    expect(await platform.configVars()).to.deep.equal({NIX_S3_BUCKET: 'b'})
    expect(waited).to.deep.equal([500, 1000, 2000])
  })

  it('waits as long as Retry-After asks', async () => {
    const {platform, waited} = scripted([busy(429, 'slow', {'retry-after': '7'}), {body: {}}])
    await platform.configVars()
    expect(waited).to.deep.equal([7000])
  })

  it("ends with Heroku's own message when patience ends", async () => {
    const {platform, waited} = scripted(Array.from({length: 20}, () => busy(503, 'Heroku API is temporarily unavailable.')), 4000)
    const error = await failure(platform.app())
    expect([error.message, error.code, error.exitCode]).to.deep.equal([
      'Heroku could not show example-app: Heroku API is temporarily unavailable.', 'HEROKU_UNAVAILABLE', 8,
    ])
    expect(waited.reduce((sum, pause) => sum + pause, 0)).to.be.at.most(4000)
  })

  it('does not ask again to create something after a 5xx, which may have created it', async () => {
    const {platform, sent} = scripted([busy(503, 'down')])
    await failure(platform.createDyno({attach: false, command: 'x', env: {}, time_to_live: 60}))
    expect(sent).to.have.length(1)
  })

  it('does not ask again to create something when the connection broke', async () => {
    const {platform, sent} = scripted([new TypeError('fetch failed', {cause: new Error('read ECONNRESET')})])
    const error = await failure(platform.createDyno({attach: false, command: 'x', env: {}, time_to_live: 60}))
    expect([error.message, error.code, sent.length]).to.deep.equal([
      'The connection to Heroku broke while asking it to start a one-off dyno: read ECONNRESET', 'NO_ANSWER', 1,
    ])
  })

  it('asks again to create something after a 429, which created nothing', async () => {
    const {platform, sent} = scripted([busy(429, 'slow'), {status: 201, body: DYNO}])
    expect((await platform.createDyno({attach: false, command: 'x', env: {}, time_to_live: 60})).name).to.equal('run.1')
    expect(sent).to.have.length(2)
  })

  const refusals: {status: number; id: string; message: string; code: string; exit: number; says: string}[] = [
    {status: 401, id: 'unauthorized', message: 'Invalid credentials provided.', code: 'UNAUTHORIZED', exit: 7, says: 'heroku login'},
    {status: 402, id: 'delinquent', message: 'Account delinquent.', code: 'PAYMENT_REQUIRED', exit: 7, says: 'https://dashboard.heroku.com/account/billing'},
    {status: 403, id: 'forbidden', message: 'You do not have access.', code: 'FORBIDDEN', exit: 7, says: 'heroku access --app example-app'},
    {status: 404, id: 'not_found', message: "Couldn't find that app.", code: 'NOT_FOUND', exit: 7, says: 'heroku apps'},
    {status: 422, id: 'cannot_run_above_limit', message: 'Cannot run more than 1 Eco size dynos.', code: 'DYNO_LIMIT', exit: 7, says: 'heroku ps --app example-app'},
    {status: 422, id: 'invalid_params', message: 'No such size.', code: 'REFUSED', exit: 7, says: 'heroku apps:info --app example-app'},
  ]
  for (const {status, id, message, code, exit, says} of refusals) {
    it(`passes on what Heroku says with ${status} ${id}, and what to type next`, async () => {
      const {platform} = scripted([{status, body: {id, message, url: 'https://example.test/why'}}])
      const error = await failure(platform.createDyno({attach: false, command: 'x', env: {}, size: 'performance-l', time_to_live: 60}))
      expect([error.message, error.code, error.exitCode, error.suggestions[0], error.suggestions.at(-1)]).to.deep.equal([
        `Heroku refused to start a one-off dyno of size performance-l: ${message}`, code, exit, says, 'see https://example.test/why',
      ])
    })
  }

  it('says the status where the answer is no error of Heroku\'s', async () => {
    const {platform} = scripted([{status: 407, body: '<html>proxy</html>'}])
    expect((await failure(platform.app())).message).to.equal('Heroku refused to show example-app: status 407')
  })

  it('is null for a dyno or a slug that has gone', async () => {
    const {platform} = scripted([busy(404, "Couldn't find that dyno."), busy(404, "Couldn't find that slug.")])
    expect([await platform.dyno('run.1'), await platform.slug('s')]).to.deep.equal([null, null])
  })

  it('names the field of an answer that is not as documented', async () => {
    const {platform} = scripted([{body: [DYNO, {...DYNO, state: 5}]}])
    expect((await failure(platform.dynos())).message).to.equal("Heroku's answer is not as its API describes: dyno.state is number.")
  })

  for (const generation of ['fir', {id: '1', name: 'fir'}]) {
    it(`reads an app's generation from ${typeof generation === 'string' ? 'text' : 'an object'}`, async () => {
      const {platform} = scripted([{body: {id: '1', name: 'a', region: {name: 'eu'}, stack: {name: 'cnb'}, generation, space: null, web_url: null, slug_size: null}}])
      expect(await platform.app()).to.deep.equal({
        id: '1', name: 'a', region: 'eu', stack: 'cnb', generation: 'fir', space: null, webUrl: null, slugSize: null,
      })
    })
  }

  it('cannot be led to another path by a name', async () => {
    const {platform, sent} = scripted([busy(404, 'x')])
    await platform.dyno('../../account')
    expect(sent[0]?.path).to.equal('/apps/example-app/dynos/..%2F..%2Faccount')
  })
})
