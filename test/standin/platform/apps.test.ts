import {expect} from 'chai'
import type {Harness} from './harness.ts'
import {expectStatus, startHarness} from './harness.ts'

describe('apps and their config vars', () => {
  let heroku: Harness

  before(async () => {
    heroku = await startHarness()
  })
  after(() => heroku[Symbol.asyncDispose]())

  const descriptions = async (app: string) =>
    (await heroku.api<{description: string; version: number}[]>('GET', `/apps/${app}/releases`)).body.map(({version, description}) => `v${version} ${description}`)

  it('are made with Heroku\'s first two releases, in the region and on the stack that was asked for', async () => {
    const {body} = await expectStatus(201, heroku.api('POST', '/apps', {name: 'first-app', region: 'eu', stack: 'heroku-22'}))
    expect(body).to.deep.include({name: 'first-app', generation: 'cedar', slug_size: null, space: null})
    expect(body).to.have.nested.property('region.name', 'eu')
    expect(body).to.have.nested.property('build_stack.name', 'heroku-22')
    expect(await descriptions('first-app')).to.deep.equal(['v1 Initial release', 'v2 Enable Logplex'])
  })

  it('get a name where none was asked for', async () => {
    const {body} = await expectStatus(201, heroku.api('POST', '/apps', {}))
    expect(body['name']).to.match(/^[a-z][a-z0-9-]{1,28}[a-z0-9]$/)
  })

  it('are found by name and by id, renamed, and gone when deleted', async () => {
    const app = await heroku.createApp()
    const {body} = await expectStatus(200, heroku.api('GET', `/apps/${app}`))
    await expectStatus(200, heroku.api('PATCH', `/apps/${String(body['id'])}`, {name: `${app}-x`, build_stack: 'heroku-26'}))
    expect((await heroku.api('GET', `/apps/${app}`)).status).to.equal(404)
    expect((await heroku.api('GET', `/apps/${app}-x`)).body).to.have.nested.property('build_stack.name', 'heroku-26')
    await expectStatus(200, heroku.api('DELETE', `/apps/${app}-x`))
    expect((await heroku.api('GET', `/apps/${String(body['id'])}`)).status).to.equal(404)
  })

  it('cannot have the same name, even when both are asked for at once', async () => {
    const [a, b] = await Promise.all([heroku.api('POST', '/apps', {name: 'twin-app'}), heroku.api('POST', '/apps', {name: 'twin-app'})])
    expect([a.status, b.status].sort()).to.deep.equal([201, 422])
  })

  it('keep config vars, drop those set to null, and tell each change in a release', async () => {
    const app = await heroku.createApp()
    await expectStatus(200, heroku.api('PATCH', `/apps/${app}/config-vars`, {A: '1', B: '2\nlines'}))
    const {body} = await expectStatus(200, heroku.api('PATCH', `/apps/${app}/config-vars`, {A: null, C: ''}))
    expect(body).to.deep.equal({B: '2\nlines', C: ''})
    expect((await heroku.api('GET', `/apps/${app}/config-vars`)).body).to.deep.equal(body)
    expect((await heroku.api('GET', `/apps/${app}/releases/v3/config-vars`)).body).to.deep.equal({A: '1', B: '2\nlines'})
    expect(await descriptions(app)).to.deep.equal([
      'v1 Initial release', 'v2 Enable Logplex', 'v3 Set A, B config vars', 'v4 Set C config vars, Remove A config vars',
    ])
  })

  it('make no release of an empty change', async () => {
    const app = await heroku.createApp()
    await expectStatus(200, heroku.api('PATCH', `/apps/${app}/config-vars`, {}))
    expect(await descriptions(app)).to.have.length(2)
  })

  for (const [what, body] of [['a number', {A: 1}], ['a name with a hyphen', {'A-B': '1'}], ['a name that begins with a digit', {'1A': '1'}], ['more than 64 KB', {A: 'x'.repeat(65_536)}]] as const) {
    it(`refuse ${what} as config var, and change nothing`, async () => {
      const app = await heroku.createApp()
      const {status} = await heroku.api('PATCH', `/apps/${app}/config-vars`, {OTHER: 'x', ...body})
      expect(status).to.equal(422)
      expect((await heroku.api('GET', `/apps/${app}/config-vars`)).body).to.deep.equal({})
    })
  }

  it('have buildpacks in their order, replaced as a whole', async () => {
    const app = await heroku.createApp()
    const put = (...urls: string[]) => heroku.api('PUT', `/apps/${app}/buildpack-installations`, {updates: urls.map(buildpack => ({buildpack}))})
    await expectStatus(200, put('https://example.com/one.git'))
    await expectStatus(200, put('heroku/nodejs', 'https://example.com/two.tgz'))
    expect((await heroku.api('GET', `/apps/${app}/buildpack-installations`)).body).to.deep.equal([
      {ordinal: 0, buildpack: {url: 'urn:buildpack:heroku/nodejs', name: 'heroku/nodejs'}},
      {ordinal: 1, buildpack: {url: 'https://example.com/two.tgz', name: 'https://example.com/two.tgz'}},
    ])
    expect((await put('not a buildpack')).status).to.equal(422)
    expect((await put('heroku/nodejs', 'heroku/nodejs')).status).to.equal(422)
  })
})
