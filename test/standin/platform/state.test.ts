import {expect} from 'chai'
import {mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {Store} from '../../../standin/state/store.ts'
import {expectStatus, startHarness, until, webProcess} from './harness.ts'

describe('the stand-in\'s state', () => {
  let dir: string

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'state-'))
  })
  afterEach(() => rm(dir, {recursive: true, force: true}))

  it('comes back as it was: apps, config, slugs, releases, formation, buildpacks, settings, addresses, and web dynos that run', async () => {
    const paths = ['', '/config-vars', '/releases', '/formation', '/buildpack-installations']
    const snapshot = async (heroku: Awaited<ReturnType<typeof startHarness>>, app: string) => {
      const answers = await Promise.all(paths.map(async path => (await heroku.api('GET', `/apps/${app}${path}`)).body))
      return JSON.parse(JSON.stringify(answers)) as {web_url: string}[]
    }

    let before: Awaited<ReturnType<typeof snapshot>>
    let app: string
    let slug: string
    {
      await using heroku = await startHarness(dir)
      app = await heroku.createApp({tier: 'production', oneOffLimit: 7})
      await heroku.api('PATCH', `/apps/${app}/config-vars`, {A: '1'})
      await heroku.api('PUT', `/apps/${app}/buildpack-installations`, {updates: [{buildpack: 'heroku/nodejs'}]})
      slug = ((await heroku.deploy(app, {web: webProcess('still here'), worker: 'sleep 9'})).body['slug'] as {id: string}).id
      before = await snapshot(heroku, app)
      expect(await (await fetch(before[0]?.web_url ?? '')).text()).to.equal('still here web.1 /')
    }

    await using heroku = await startHarness(dir)
    expect(await snapshot(heroku, app)).to.deep.equal(before)
    expect(await (await fetch(before[0]?.web_url ?? '')).text()).to.equal('still here web.1 /')
    expect((await heroku.api('PATCH', `/standin/apps/${app}`, {})).body['oneOffLimit']).to.equal(7)
    await expectStatus(201, heroku.api('POST', `/apps/${app}/releases`, {slug}))
  })

  it('counts a release phase as failed that the end broke off', async () => {
    let app: string
    {
      await using heroku = await startHarness(dir)
      app = await heroku.createApp()
      expect((await heroku.deploy(app, {release: 'sleep 60'})).body['status']).to.equal('pending')
    }

    await using heroku = await startHarness(dir)
    const {body} = await heroku.api('GET', `/apps/${app}/releases/3`)
    expect(body).to.deep.include({status: 'failed', current: false})
  })

  it('leaves no dyno behind', async () => {
    const file = join(dir, 'web-pid')
    {
      await using heroku = await startHarness(join(dir, 'state'))
      const app = await heroku.createApp()
      await heroku.deploy(app, {worker: `echo $$ > ${file}; exec sleep 60`})
      await heroku.api('PATCH', `/apps/${app}/formation`, {updates: [{type: 'worker', quantity: 1}]})
      await until('its pid', () => readFile(file, 'utf8').catch(() => ''), text => text !== '')
    }

    const pid = Number(await readFile(file, 'utf8'))
    expect(() => process.kill(pid, 0)).to.throw('ESRCH')
  })

  it('is written beside and renamed, so that it is never half there', async () => {
    const store = new Store(dir, () => ({format: 1, account: {id: 'x', email: 'x', createdAt: 'x'}, apps: []}))
    await writeFile(join(dir, 'state.json.partial'), '{"format": 1, "apps": [{"na')
    expect(new Store(dir, () => store.state).state).to.deep.equal(store.state)
    expect(await readdir(dir)).to.deep.equal(['state.json'])
  })

  for (const [what, text, message] of [['JSON', '{"format"', 'is not JSON'], ['this version\'s', '{"format": 99}', 'was written by another version']] as const) {
    it(`is refused when it is not ${what}, and stays as it is`, async () => {
      const file = join(dir, 'state.json')
      await writeFile(file, text)
      expect(() => new Store(dir, () => ({format: 1, account: {id: '', email: '', createdAt: ''}, apps: []}))).to.throw(message)
      expect(await readFile(file, 'utf8')).to.equal(text)
    })
  }
})
