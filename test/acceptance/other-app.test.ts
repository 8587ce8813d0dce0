import {expect} from 'chai'
import {join} from 'node:path'
import {Project} from './support/project.ts'
import {sharedScene, type App} from './support/scene.ts'
import {smallApp} from './support/small-app.ts'

// As docs/relocation.md says, for a dyno that builds without the config vars of the app that is released.
describe('building on another app, with the same bucket, name and key', function () {
  this.timeout(180_000)
  let web: App
  let builder: App
  before(async () => {
    const scene = await sharedScene()
    const project = await Project.of(join(scene.dir, 'other-app'), smallApp({page: 'built elsewhere', name: 'elsewhere'}))
    web = await scene.app('example-web', project)
    await web.setUp()
    await web.heroku('config:set', 'DATABASE_URL=postgres://user:password@example.com/db')
    builder = await scene.app('example-builder', project)
    const {stdout: key} = await web.heroku('config:get', 'NIX_SIGNING_KEY')
    await builder.heroku('config:set', `NIX_SIGNING_KEY=${key.trim()}`)
    await builder.setUp(undefined, '--name', 'example-web')
  })

  it('builds there, on a dyno that has none of the other\'s config vars', async () => {
    await builder.heroku('nix:build', '--size=performance-l')
    expect([Object.keys(await builder.api('GET', '/config-vars') as object).includes('DATABASE_URL'), (await web.requests('POST', '/dynos')).length]).to.deep.equal([false, 0])
  })

  it('is released here, where its record is taken for one of this app\'s own', async () => {
    await web.heroku('nix:redeploy')
    expect(await web.page()).to.deep.equal({status: 200, text: 'built elsewhere\n'})
  })
})
