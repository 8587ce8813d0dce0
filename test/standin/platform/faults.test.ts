import {expect} from 'chai'
import type {Harness, Json} from './harness.ts'
import {expectStatus, startHarness, until} from './harness.ts'

describe('faults on request', () => {
  let heroku: Harness
  let app: string

  before(async () => {
    heroku = await startHarness()
    app = await heroku.createApp()
  })
  afterEach(async () => {
    await heroku.api('DELETE', '/standin/faults')
  })
  after(() => heroku[Symbol.asyncDispose]())

  const inject = (fault: Json) => expectStatus(201, heroku.api('POST', '/standin/faults', fault))
  const outcome = async (method: string, path: string, body?: unknown) => heroku.api(method, path, body).then(({status}) => status, (error: unknown) => String((error as Error).cause ?? error).replace(/^Error: /, ''))

  it('answer the next calls of a route with a status in Heroku\'s shape, and no others', async () => {
    await inject({kind: 'status', method: 'GET', route: '/apps/*/dynos', status: 503, count: 2})
    await inject({kind: 'status', method: 'GET', route: '/apps/{app}/dynos', status: 429, retryAfter: 7})
    expect(await outcome('GET', `/apps/${app}`)).to.equal(200)
    expect(await outcome('GET', `/apps/${app}/dynos/x`)).to.equal(404)
    const replies = [await heroku.api('GET', `/apps/${app}/dynos`), await heroku.api('GET', `/apps/${app}/dynos`), await heroku.api('GET', `/apps/${app}/dynos`)]
    expect(replies.map(({status, body}) => `${status} ${String(body['id'])}`)).to.deep.equal(['503 service_unavailable', '503 service_unavailable', '429 rate_limit'])
    expect(replies[2]?.headers.get('retry-after')).to.equal('7')
    expect(await outcome('GET', `/apps/${app}/dynos`)).to.equal(200)
  })

  it('keep a request with a status from taking effect, with the message that was asked for', async () => {
    await inject({kind: 'status', method: 'PATCH', route: '/apps/*/config-vars', status: 409, id: 'conflict', message: 'Not now.'})
    const {body} = await heroku.api('PATCH', `/apps/${app}/config-vars`, {A: '1'})
    expect(body).to.deep.equal({id: 'conflict', message: 'Not now.'})
    expect((await heroku.api('GET', `/apps/${app}/config-vars`)).body).to.deep.equal({})
  })

  it('reset the connection before a request took effect', async () => {
    await inject({kind: 'reset', method: 'POST', route: '/apps/*/dynos', when: 'before'})
    expect(await outcome('POST', `/apps/${app}/dynos`, {command: 'sleep 9'})).to.match(/ECONNRESET|other side closed/)
    expect((await heroku.api('GET', `/apps/${app}/dynos`)).body).to.deep.equal([])
  })

  it('reset the connection after a request took effect: the dyno is there', async () => {
    await inject({kind: 'reset', method: 'POST', route: '/apps/*/dynos', when: 'after'})
    expect(await outcome('POST', `/apps/${app}/dynos`, {command: 'sleep 9'})).to.match(/ECONNRESET|other side closed/)
    expect((await heroku.api<unknown[]>('GET', `/apps/${app}/dynos`)).body).to.have.length(1)
    await heroku.api('DELETE', `/apps/${app}/dynos`)
  })

  it('stall for a time, or until the client gives up', async () => {
    await inject({kind: 'stall', method: 'GET', route: '/account', ms: 200})
    const began = Date.now()
    expect(await outcome('GET', '/account')).to.equal(200)
    expect(Date.now() - began).to.be.at.least(195)

    await inject({kind: 'stall', method: 'GET', route: '/account'})
    const leave = AbortSignal.timeout(200)
    const failed = await fetch(`${heroku.platform.api}/account`, {signal: leave}).then(() => 'answered', (error: unknown) => (error as Error).name)
    expect(failed).to.equal('TimeoutError')
    expect(await outcome('GET', '/account')).to.equal(200)
  })

  it('reach uploads of slugs, too', async () => {
    await inject({kind: 'status', method: 'PUT', route: '/blobs/*', status: 503})
    expect((await heroku.deploy(app, {})).body['message']).to.equal('Slug blob has not been uploaded.')
  })

  it('kill a dyno at a line of its output', async () => {
    await inject({kind: 'kill-dyno', dyno: 'run', line: 'now'})
    const {body: {name}} = await expectStatus(201, heroku.api<{name: string}>('POST', `/apps/${app}/dynos`, {command: 'echo not yet; echo right now; sleep 60'}))
    await until('its end', () => heroku.api('GET', `/apps/${app}/dynos/${name}`), ({status}) => status === 404)
    expect(await heroku.log(app)).to.include(`heroku[${name}]: Process exited with status 137`)
  })

  it('kill a dyno after a time, and only as many as were asked for', async () => {
    await inject({kind: 'kill-dyno', app, afterMs: 100})
    const names = []
    for (const command of ['sleep 60', 'sleep 0.4; echo survived']) names.push((await expectStatus(201, heroku.api<{name: string}>('POST', `/apps/${app}/dynos`, {command}))).body.name)
    await until('their end', () => heroku.api<unknown[]>('GET', `/apps/${app}/dynos`), ({body}) => body.length === 0)
    const log = await heroku.log(app)
    expect(log).to.include(`heroku[${names[0] ?? ''}]: Process exited with status 137`).and.to.include(`app[${names[1] ?? ''}]: survived`)
  })

  it('are listed while they wait, and can be cleared', async () => {
    await inject({kind: 'reset', method: 'get', route: '/apps', when: 'before', count: 3})
    expect((await heroku.api('GET', '/standin/faults')).body).to.deep.equal({
      requests: [{method: 'GET', route: '/apps', count: 3, effect: {kind: 'reset', when: 'before'}}], dynos: [],
    })
    await heroku.api('DELETE', '/standin/faults')
    expect(await outcome('GET', '/apps')).to.equal(200)
  })

  for (const [what, fault] of [
    ['of no kind', {method: 'GET', route: '/apps'}], ['with a status that is none', {kind: 'status', method: 'GET', route: '/apps', status: 99}],
    ['that reset at no known time', {kind: 'reset', method: 'GET', route: '/apps', when: 'later'}], ['that kill never', {kind: 'kill-dyno'}],
  ] as const) {
    it(`${what} are refused`, async () => {
      expect((await heroku.api('POST', '/standin/faults', fault)).status).to.equal(422)
    })
  }
})

describe('the journal', () => {
  it('tells each request, its body and what became of it, and no secret', async () => {
    await using heroku = await startHarness()
    const app = await heroku.createApp()
    await heroku.api('DELETE', '/standin/requests')
    await heroku.api('POST', '/standin/faults', {kind: 'reset', method: 'GET', route: '/account', when: 'before'})
    await heroku.api('GET', '/account').catch(() => null)
    await heroku.api('PATCH', `/apps/${app}/config-vars`, {NIX_S3_SECRET: 'hush-1', GONE: null})
    await heroku.api('POST', `/apps/${app}/dynos`, {command: 'true', env: {URL: 'hush-2'}})
    await heroku.deploy(app, {web: 'sleep 9'})
    const {body} = await heroku.api<{method: string; path: string; body: unknown; status: number | null; outcome: string}[]>('GET', '/standin/requests')
    expect(body.map(({method, path, status, outcome}) => `${method} ${path.replace(/\/blobs\/.*/, '/blobs/X')} ${status ?? '-'} ${outcome}`)).to.deep.equal([
      'GET /account - reset', `PATCH /apps/${app}/config-vars 200 answered`, `POST /apps/${app}/dynos 201 answered`,
      `POST /apps/${app}/slugs 201 answered`, 'PUT /blobs/X 200 answered', `POST /apps/${app}/releases 201 answered`,
    ])
    expect(body[1]?.body).to.deep.equal({NIX_S3_SECRET: '…', GONE: null})
    expect(body[2]?.body).to.deep.equal({command: 'true', env: {URL: '…'}})
    expect(JSON.stringify(body)).not.to.match(/hush|Signature|Bearer/).and.not.to.include(heroku.platform.token)
  })
})
