import {expect} from 'chai'
import {Pushing} from './support/pushing.ts'
import {sharedScene, type App} from './support/scene.ts'
import {smallApp} from './support/small-app.ts'

describe('git push', function () {
  this.timeout(300_000)
  let pushing: Pushing
  let app: App

  before(async () => {
    pushing = await Pushing.open(await sharedScene(), 'pushed', smallApp({name: 'pushed', page: 'First'}))
    app = pushing.app
  })

  it('succeeds without any build, and says what to type', async () => {
    const {exitCode, all} = await pushing.push()
    expect(exitCode, all).to.equal(0)
    expect(all).to.include('Nix app detected').and.to.include('1. heroku nix:build').and.to.match(/Released v\d+/)
  })

  it('restores the build of an empty commit\'s tree, also where the commit is required', async () => {
    await app.heroku('nix:build')
    await app.heroku('config:set', 'NIX_REQUIRE_COMMIT=1')
    await pushing.commit('--allow-empty', '--message', 'Nothing')
    const {exitCode, all} = await pushing.push()
    expect(exitCode, all).to.equal(0)
    expect(all).to.include('of this very tree')
    expect(await app.page()).to.deep.equal({status: 200, text: 'First\n'})
  })

  it('restores the build of an amended commit without a change', async () => {
    const amended = await pushing.commit('--amend', '--allow-empty', '--message', 'Nothing, said better')
    const {exitCode, all} = await pushing.push()
    expect(exitCode, all).to.equal(0)
    expect(all).to.include('of this very tree').and.to.not.include('Warning')
    expect((await app.releases()).length).to.be.above(0)
    expect(amended).to.match(/^[0-9a-f]{40}$/)
  })

  it('restores the build of exactly the pushed commit', async () => {
    await app.project.replace('webserver', 'First', 'Second')
    await app.heroku('nix:build')
    const {exitCode, all} = await pushing.push()
    expect(exitCode, all).to.equal(0)
    expect(all).to.include(`Restoring build ${await app.lastBuild()} of this commit`)
    expect(await app.page()).to.deep.equal({status: 200, text: 'Second\n'})
  })

  it('is rejected for what was not built where the commit is required, and what runs goes on', async () => {
    await app.project.replace('webserver', 'Second', 'Third')
    const {exitCode, all} = await pushing.push()
    expect(exitCode, all).to.not.equal(0)
    expect(all).to.include('NIX_REQUIRE_COMMIT is set').and.to.include('Push rejected')
    expect(await app.page()).to.deep.equal({status: 200, text: 'Second\n'})
  })

  it('restores the newest build for what was not built, and names both commits', async () => {
    const built = await pushing.revision('HEAD~1')
    const pushed = await pushing.revision('HEAD')
    await app.heroku('config:unset', 'NIX_REQUIRE_COMMIT')
    const {exitCode, all} = await pushing.push()
    expect(exitCode, all).to.equal(0)
    expect(all).to.match(new RegExp(`Pushed: +commit ${pushed}`)).and.to.match(new RegExp(`Restored: build \\S+ of commit ${built}`))
    expect(await app.page()).to.deep.equal({status: 200, text: 'Second\n'})
  })
})
