import {expect} from 'chai'
import {writeFile} from 'node:fs/promises'
import type {Harness} from './harness.ts'
import {expectStatus, startHarness, until} from './harness.ts'

interface Release {
  id: string
  version: number
  description: string
  status: string
  current: boolean
  slug: {id: string} | null
  output_stream_url: string | null
  eligible_for_rollback: boolean
}

describe('releases', () => {
  let heroku: Harness

  before(async () => {
    heroku = await startHarness()
  })
  after(() => heroku[Symbol.asyncDispose]())

  const list = async (app: string) => (await heroku.api<Release[]>('GET', `/apps/${app}/releases`)).body
  const release = async (app: string, version: number | string) => (await heroku.api<Release>('GET', `/apps/${app}/releases/${version}`)).body
  const current = async (app: string) => (await list(app)).filter(one => one.current).map(({version}) => version)

  it('of a slug are current at once, and give the app its process types with one web dyno', async () => {
    const app = await heroku.createApp()
    const {status, body} = await heroku.deploy(app, {web: 'sleep 99', worker: 'sleep 99'})
    expect(status).to.equal(201)
    expect(body).to.deep.include({version: 3, status: 'succeeded', current: true, output_stream_url: null, description: 'Deploy', eligible_for_rollback: true})
    expect(await current(app)).to.deep.equal([3])
    const formation = (await heroku.api<{type: string; quantity: number}[]>('GET', `/apps/${app}/formation`)).body
    expect(formation.map(({type, quantity}) => [type, quantity])).to.deep.equal([['web', 1], ['worker', 0]])
  })

  it('keep the formation when a later slug has the same process types', async () => {
    const app = await heroku.createApp()
    await heroku.deploy(app, {web: 'sleep 99', clock: 'sleep 99'})
    await expectStatus(200, heroku.api('PATCH', `/apps/${app}/formation`, {updates: [{type: 'web', quantity: 0}]}))
    await heroku.deploy(app, {web: 'sleep 99', worker: 'sleep 99'})
    const formation = (await heroku.api<{type: string; quantity: number}[]>('GET', `/apps/${app}/formation`)).body
    expect(formation.map(({type, quantity}) => [type, quantity])).to.deep.equal([['web', 0], ['worker', 0]])
  })

  it('are listed as the Range header asks and found by version and id', async () => {
    const app = await heroku.createApp()
    for (const value of ['1', '2', '3']) await heroku.api('PATCH', `/apps/${app}/config-vars`, {A: value})
    const {status, headers, body} = await heroku.api<Release[]>('GET', `/apps/${app}/releases`, undefined, {Range: 'version ..; order=desc,max=2'})
    expect({status, versions: body.map(({version}) => version), next: headers.get('next-range')})
      .to.deep.equal({status: 206, versions: [5, 4], next: 'version ]4..; max=2, order=desc'})
    const {id} = await release(app, 4)
    expect((await release(app, id)).version).to.equal(4)
    expect((await heroku.api('GET', `/apps/${app}/releases/99`)).body['resource']).to.equal('release')
  })

  it('roll back to the slug and the config vars of an earlier one', async () => {
    const app = await heroku.createApp()
    await heroku.api('PATCH', `/apps/${app}/config-vars`, {A: 'old'})
    await heroku.deploy(app, {web: 'sleep 99'})
    await heroku.deploy(app, {web: 'sleep 88'})
    await heroku.api('PATCH', `/apps/${app}/config-vars`, {A: 'new', B: 'more'})
    const old = await release(app, 4)
    const {body} = await expectStatus(201, heroku.api<Release>('POST', `/apps/${app}/releases`, {release: old.id}))
    expect(body).to.deep.include({description: 'Rollback to v4', version: 7, current: true, slug: old.slug})
    expect((await heroku.api('GET', `/apps/${app}/config-vars`)).body).to.deep.equal({A: 'old'})
  })

  it('cannot roll back to one without a slug', async () => {
    const app = await heroku.createApp()
    const {status, body} = await heroku.api('POST', `/apps/${app}/releases`, {release: (await release(app, 1)).id})
    expect({status, message: body['message']}).to.deep.equal({status: 422, message: 'Cannot roll back to v1: it has no slug.'})
  })

  it('run their release phase before they are current, and stream its output from the start', async () => {
    const app = await heroku.createApp()
    await heroku.deploy(app, {web: 'sleep 99'})
    const flag = `${heroku.dir}/go-${app}`
    const {body} = await heroku.deploy(app, {web: 'sleep 99', release: `echo migrating $A; until [ -e ${flag} ]; do sleep 0.05; done; echo done`})
    expect(body).to.deep.include({status: 'pending', current: false})

    const response = await fetch(String(body['output_stream_url']))
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    expect((await reader?.read())?.value).to.equal('migrating\n')
    expect(await current(app)).to.deep.equal([3])
    const dynos = (await heroku.api<{type: string; release: {version: number}}[]>('GET', `/apps/${app}/dynos`)).body
    expect(dynos.map(({type, release: {version}}) => `${type} v${version}`)).to.include('release v4')

    expect((await heroku.deploy(app, {web: 'sleep 77'})).body).to.deep.include({version: 5, status: 'pending', current: false})
    expect(await current(app), 'a later release waits for the phase before it').to.deep.equal([3])
    await writeFile(flag, '')
    let rest = ''
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) rest += part.value
    expect(rest).to.equal('done\n')
    expect((await release(app, 4)).status).to.equal('succeeded')
    await until('v5', () => current(app), ([version]) => version === 5)
    expect(await (await fetch(String(body['output_stream_url']))).text(), 'later readers get it all').to.equal('migrating\ndone\n')
  })

  it('stay as they were when the release phase fails', async () => {
    const app = await heroku.createApp()
    await heroku.deploy(app, {web: 'sleep 99'})
    const {body} = await heroku.deploy(app, {web: 'sleep 88', release: 'echo no; exit 4'})
    expect(await (await fetch(String(body['output_stream_url']))).text()).to.equal('no\n')
    expect(await release(app, 4)).to.deep.include({status: 'failed', current: false, eligible_for_rollback: false})
    expect(await current(app)).to.deep.equal([3])
    expect((await heroku.api<{command: string}[]>('GET', `/apps/${app}/formation`)).body[0]?.command).to.equal('sleep 99')
    expect(await heroku.log(app)).to.include('app[api]: Release v4 command failed')
  })

  it('of config changes carry the slug on', async () => {
    const app = await heroku.createApp()
    const {body} = await heroku.deploy(app, {web: 'sleep 99'})
    await heroku.api('PATCH', `/apps/${app}/config-vars`, {A: '1'})
    expect(await release(app, 4)).to.deep.include({slug: body['slug'], current: true, description: 'Set A config vars'})
  })

  it('have no streams but their own', async () => {
    expect((await fetch(`${heroku.platform.api}/streams/0123`)).status).to.equal(404)
    expect((await fetch(`${heroku.platform.api}/streams/..%2Fstate.json`)).status).to.equal(404)
  })
})
