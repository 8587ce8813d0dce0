import {expect} from 'chai'
import {join} from 'node:path'
import type {FaultProxy} from '../../standin/bucket/contract.ts'
import {startFaultProxy} from '../../standin/bucket/fault-proxy.ts'
import {Project} from './support/project.ts'
import {sharedScene, type App, type Scene} from './support/scene.ts'
import {smallApp} from './support/small-app.ts'

describe('what goes wrong', function () {
  this.timeout(120_000)
  let scene: Scene
  let app: App

  before(async () => {
    scene = await sharedScene()
    app = await scene.app('failures', await Project.of(join(scene.dir, 'failures'), smallApp()))
  })

  it('an app that was never set up names nix:setup', async () => {
    const {exitCode, text} = await app.tryHeroku('nix:build')
    expect(exitCode).to.equal(3)
    expect(text).to.include('not set up').and.to.include('heroku nix:setup')
  })

  it('a wrong secret is told from a missing bucket, before anything is changed', async () => {
    const releases = await app.releases()
    const wrong = await app.trySetUp({...scene.bucket, secret: 'wrong'})
    expect(wrong.exitCode).to.equal(3)
    expect(wrong.text).to.include(scene.bucket.bucket).and.to.include('NIX_S3_SECRET is not the secret')
    expect(await app.releases()).to.deep.equal(releases)
  })

  it('a derivation that fails shows its log and exits with 5', async () => {
    await app.setUp()
    await app.project.change(smallApp({name: 'fails', script: 'echo this cannot work; exit 7'}))
    const {exitCode, text} = await app.tryHeroku('nix:build', '--size=performance-l')
    expect(exitCode).to.equal(5)
    expect(text).to.include('this cannot work').and.to.include('heroku nix:build')
  })

  it('a build that failed is not released', async () => {
    const {exitCode, text} = await app.tryHeroku('nix:redeploy')
    expect(exitCode).to.not.equal(0)
    expect(text).to.include('heroku nix:build')
  })

  it('a project without default.nix is told so', async () => {
    const project = await Project.of(join(scene.dir, 'no-nix'), {'README.md': 'Nothing to build\n'})
    const {exitCode, text} = await app.in(project).tryHeroku('nix:build', '--size=performance-l')
    expect(exitCode).to.be.oneOf([4, 5])
    expect(text).to.include('default.nix')
  })

  it('an app that does not exist is Heroku\'s own message', async () => {
    const {exitCode, text} = await scene.cli.run(['nix:build', '--app', 'nobody-has-this'], {cwd: app.project.dir})
    expect(exitCode).to.not.equal(0)
    expect(text).to.include("Couldn't find that app")
  })

  describe('a bucket that breaks off in mid-upload', () => {
    let proxy: FaultProxy
    before(async () => {
      proxy = await startFaultProxy({target: scene.bucket.endpoint})
      await app.setUp({...scene.bucket, endpoint: proxy.endpoint})
    })
    afterEach(() => proxy.clear())
    after(async () => {
      await proxy.close()
      await app.setUp()
    })

    it('of the source: says so, starts no dyno, and the same command works later', async () => {
      await app.project.change(smallApp({name: 'source-upload'}))
      const dynos = await app.requests('POST', '/dynos')
      proxy.inject({method: 'PUT', path: /\/sources\//, times: Infinity, effect: {kind: 'reset-request', afterBytes: 100}})
      const {exitCode, text} = await app.tryHeroku('nix:build', '--size=performance-l')
      expect(exitCode, text).to.equal(8)
      expect(text).to.include('cannot be reached').and.to.include('run the command again')
      expect(await app.requests('POST', '/dynos')).to.have.length(dynos.length)

      await proxy.clear()
      const again = await app.heroku('nix:build', '--size=performance-l')
      expect(again.text).to.match(/made \/nix\/store\/\w{32}-source-upload/)
    })

    it('of the layer, by the dyno: is tried again', async () => {
      await app.project.change(smallApp({name: 'layer-upload'}))
      proxy.inject({method: 'PUT', path: /\/layers\//, times: 4, effect: {kind: 'reset-request', afterBytes: 100}})
      const {text} = await app.heroku('nix:build', '--size=performance-l')
      expect(text).to.match(/made \/nix\/store\/\w{32}-layer-upload/)
      await app.heroku('nix:redeploy')
      expect(await app.page()).to.deep.equal({status: 200, text: 'Hello\n'})
    })
  })
})
