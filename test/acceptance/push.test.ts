import {expect} from 'chai'
import {execa} from 'execa'
import {cp, mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {fileURLToPath, pathToFileURL} from 'node:url'
import {Project} from './support/project.ts'
import {sharedScene, type App, type Scene} from './support/scene.ts'
import {smallApp} from './support/small-app.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

describe('git push', function () {
  this.timeout(300_000)
  let scene: Scene
  let app: App

  before(async () => {
    scene = await sharedScene()
    app = await scene.app('pushed', await Project.of(join(scene.dir, 'pushed'), smallApp({name: 'pushed', page: 'First'})))
    await app.setUp()
    // As it lies here, and not as it is in a commit.
    const buildpack = join(scene.dir, 'buildpack')
    await mkdir(join(buildpack, 'bin'), {recursive: true})
    await cp(join(root, 'buildpack'), join(buildpack, 'buildpack'), {recursive: true})
    await Promise.all(['detect', 'compile', 'release', 'report'].map(name => cp(join(root, 'bin', name), join(buildpack, 'bin', name))))
    await app.api('PUT', '/buildpack-installations', {updates: [{buildpack: pathToFileURL(buildpack).href}]})
  })

  const git = async (...args: string[]) => {
    const {exitCode, all} = await execa('git', args, {
      cwd: app.project.dir, all: true, reject: false, extendEnv: false,
      env: {...scene.standin.ready.env, PATH: process.env['PATH'] ?? ''},
    })
    return {exitCode, all}
  }

  const push = () => git('push', '--force', `${scene.standin.ready.api}/pushed.git`, 'HEAD:main')

  const commit = async (...args: string[]) => {
    await git('-c', 'user.name=Example', '-c', 'user.email=user@example.com', 'commit', '--quiet', ...args)
    return (await git('rev-parse', 'HEAD')).all.trim()
  }

  it('succeeds without any build, and says what to type', async () => {
    const {exitCode, all} = await push()
    expect(exitCode, all).to.equal(0)
    expect(all).to.include('Nix app detected').and.to.include('1. heroku nix:build').and.to.match(/Released v\d+/)
  })

  it('restores the build of an empty commit\'s tree, also where the commit is required', async () => {
    await app.heroku('nix:build')
    await app.heroku('config:set', 'NIX_REQUIRE_COMMIT=1')
    await commit('--allow-empty', '--message', 'Nothing')
    const {exitCode, all} = await push()
    expect(exitCode, all).to.equal(0)
    expect(all).to.include('of this very tree')
    expect(await app.page()).to.deep.equal({status: 200, text: 'First\n'})
  })

  it('restores the build of exactly the pushed commit', async () => {
    await app.project.replace('webserver', 'First', 'Second')
    await app.heroku('nix:build')
    const {exitCode, all} = await push()
    expect(exitCode, all).to.equal(0)
    expect(all).to.include(`Restoring build ${await app.lastBuild()} of this commit`)
    expect(await app.page()).to.deep.equal({status: 200, text: 'Second\n'})
  })

  it('is rejected for what was not built where the commit is required, and what runs goes on', async () => {
    await app.project.replace('webserver', 'Second', 'Third')
    const {exitCode, all} = await push()
    expect(exitCode, all).to.not.equal(0)
    expect(all).to.include('NIX_REQUIRE_COMMIT is set').and.to.include('Push rejected')
    expect(await app.page()).to.deep.equal({status: 200, text: 'Second\n'})
  })

  it('restores the newest build for what was not built, and names both commits', async () => {
    const built = (await git('rev-parse', 'HEAD~1')).all.trim()
    const pushed = (await git('rev-parse', 'HEAD')).all.trim()
    await app.heroku('config:unset', 'NIX_REQUIRE_COMMIT')
    const {exitCode, all} = await push()
    expect(exitCode, all).to.equal(0)
    expect(all).to.match(new RegExp(`Pushed: +commit ${pushed}`)).and.to.match(new RegExp(`Restored: build \\S+ of commit ${built}`))
    expect(await app.page()).to.deep.equal({status: 200, text: 'Second\n'})
  })
})
