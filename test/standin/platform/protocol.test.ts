import {expect} from 'chai'
import type {Harness} from './harness.ts'
import {startHarness} from './harness.ts'

describe('the Platform API\'s protocol', () => {
  let heroku: Harness

  before(async () => {
    heroku = await startHarness()
  })
  after(() => heroku[Symbol.asyncDispose]())

  for (const [what, accept] of [['no Accept header', '*/*'], ['version 2', 'application/vnd.heroku+json; version=2'], ['plain JSON', 'application/json']] as const) {
    it(`answers 406 to ${what}`, async () => {
      const {status, body} = await heroku.api('GET', '/account', undefined, {Accept: accept})
      expect({status, id: body['id']}).to.deep.equal({status: 406, id: 'not_acceptable'})
    })
  }

  it('takes version 3 and its variants', async () => {
    for (const version of ['3', '3.sdk', '3.cedar-acm']) {
      const {status} = await heroku.api('GET', '/account', undefined, {Accept: `application/vnd.heroku+json; version=${version}`})
      expect(status).to.equal(200)
    }
  })

  for (const [what, authorization] of [['no token', null], ['a wrong token', 'Bearer nonsense'], ['an empty token', 'Bearer ']] as const) {
    it(`answers 401 to ${what}`, async () => {
      const {status, body} = await heroku.api('GET', '/account', undefined, {Authorization: authorization})
      expect({status, body}).to.deep.equal({status: 401, body: {id: 'unauthorized', message: 'Invalid credentials provided.'}})
    })
  }

  it('takes the token as the password of basic authentication, as curl with a netrc sends it', async () => {
    const basic = Buffer.from(`developer@example.com:${heroku.platform.token}`).toString('base64')
    const {status} = await heroku.api('GET', '/account', undefined, {Authorization: `Basic ${basic}`})
    expect(status).to.equal(200)
  })

  it('answers 404 with the kind of thing that there is not', async () => {
    const {status, body} = await heroku.api('GET', '/apps/nobody-has-it')
    expect({status, body}).to.deep.equal({status: 404, body: {resource: 'app', id: 'not_found', message: 'Couldn\'t find that app.'}})
  })

  it('answers 404 to an unknown route and says so on standard error, without the query', async () => {
    const {status, body} = await heroku.api('POST', '/apps/x/teleports?secret=1', {})
    expect({status, id: body['id']}).to.deep.equal({status: 404, id: 'not_found'})
    expect(heroku.complaints).to.include('No such route: POST /apps/x/teleports')
    expect(heroku.complaints.join()).not.to.include('secret')
  })

  it('answers 400 to a body that is not JSON', async () => {
    const {status, body} = await heroku.api('POST', '/apps', '{"name": ')
    expect({status, id: body['id']}).to.deep.equal({status: 400, id: 'bad_request'})
  })

  it('answers 413 to a body of more than 1 MiB', async () => {
    const {status} = await heroku.api('POST', '/apps', {name: 'x'.repeat(1024 * 1024)})
    expect(status).to.equal(413)
  })

  for (const [what, body] of [
    ['a list', []], ['a field that there is not', {nmae: 'x'}], ['a number as name', {name: 5}], ['a name with capitals', {name: 'Hello'}],
    ['an unknown region', {region: 'moon'}], ['an unknown stack', {stack: 'heroku-7'}],
  ] as const) {
    it(`answers 422 to ${what}`, async () => {
      const {status, body: answer} = await heroku.api('POST', '/apps', body)
      expect({status, id: answer['id']}).to.deep.equal({status: 422, id: 'invalid_params'})
    })
  }

  it('gives each request an id and repeats the client\'s', async () => {
    const {headers} = await heroku.api('GET', '/account', undefined, {'Request-Id': 'mine'})
    expect(headers.get('request-id')).to.match(/^mine,[0-9a-f-]{36}$/)
  })

  it('answers 304 to the ETag that it gave', async () => {
    const first = await heroku.api('GET', '/regions')
    const again = await heroku.api('GET', '/regions', undefined, {'If-None-Match': first.headers.get('etag') ?? ''})
    expect({status: again.status, body: again.body}).to.deep.equal({status: 304, body: null})
    expect((await heroku.api('GET', '/regions', undefined, {'If-None-Match': '"other"'})).status).to.equal(200)
  })

  it('answers with JSON of a content type that clients take for JSON', async () => {
    const {headers} = await heroku.api('GET', '/account')
    expect(headers.get('content-type')).to.equal('application/json;charset=utf-8')
  })

  it('counts requests, answers 429 when none are left, and lets 75 more through after a minute', async () => {
    const before = Number((await heroku.api('GET', '/account')).headers.get('ratelimit-remaining'))
    expect((await heroku.api('GET', '/account')).headers.get('ratelimit-remaining')).to.equal(`${before - 1}`)

    await heroku.api('PATCH', '/standin/settings', {rateLimitRemaining: 1})
    expect((await heroku.api('GET', '/account/rate-limits')).body).to.deep.equal({remaining: 1})
    expect((await heroku.api('GET', '/account')).status).to.equal(200)
    const refused = await heroku.api('GET', '/account')
    expect({status: refused.status, id: refused.body['id'], left: refused.headers.get('ratelimit-remaining')})
      .to.deep.equal({status: 429, id: 'rate_limit', left: '0'})
    expect((await heroku.api('GET', '/account/rate-limits')).status, 'asking for the limit is free').to.equal(200)

    heroku.advance(60_000)
    expect((await heroku.api('GET', '/account/rate-limits')).body['remaining']).to.be.within(75, 76)
  })
})
