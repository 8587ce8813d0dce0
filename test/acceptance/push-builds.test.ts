import {expect} from 'chai'
import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {pathToFileURL} from 'node:url'
import {keys} from '../../src/lib/bucket/keys.ts'
import {readObjects} from './support/bucket.ts'
import {Gate} from './support/gate.ts'
import {Pushing} from './support/pushing.ts'
import {sharedScene, type App, type Scene} from './support/scene.ts'
import {smallApp} from './support/small-app.ts'

interface BuildRecord {
  id: string
  state: string
  source: {commit: string | null; tree: string}
  claim: {dyno: string}
  outcome?: {drvPath: string; result: string}
}

/** The app's records, oldest first. */
async function records(scene: Scene, app: App): Promise<BuildRecord[]> {
  const objects = await readObjects(scene.bucket, keys.builds(app.name))
  return [...objects].filter(([key]) => key.endsWith('/build.json')).sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => JSON.parse(text.toString()) as BuildRecord)
}

/** An app whose web server comes from a derivation of its own, which takes it from another one. */
function twoSteps(gate: string): Record<string, string> {
  const {'default.nix': web = '', ...rest} = smallApp({name: 'building', page: 'Built by a push', script: `cat \${first}; curl --silent --fail ${gate}`})
  return {
    ...rest,
    'default.nix': `let first = derivation {
  name = "first-step"; system = "x86_64-linux"; builder = "/bin/bash"; args = [ "-c" "echo the first step > $out" ];
}; in ${web.replace('\n', '\n  inherit first;\n')}`,
  }
}

describe('a push with NIX_BUILD_ON_PUSH', function () {
  this.timeout(300_000)
  let scene: Scene
  let pushing: Pushing
  let app: App
  let gate: Gate

  before(async () => {
    scene = await sharedScene()
    gate = await Gate.build()
    pushing = await Pushing.open(scene, 'building', twoSteps(gate.url))
    app = pushing.app
    await app.heroku('config:set', 'NIX_BUILD_ON_PUSH=1')
  })

  after(() => gate[Symbol.asyncDispose]())

  const limit = (buildTimeoutMs: number) => scene.standin.api('PATCH', '/standin/apps/building', {buildTimeoutMs})

  it('is cut off at the limit, and the next push goes on from what was built', async () => {
    const cut = pushing.push()
    await Promise.race([gate.arrived, cut])
    await limit(1)
    const {exitCode, all} = await cut
    expect(exitCode, all).to.not.equal(0)
    expect(all).to.include('Nix app detected').and.to.include('Timed out compiling').and.to.include('first-step.drv')

    await limit(900_000)
    gate.open()
    const again = await pushing.push()
    expect(again.exitCode, again.all).to.equal(0)
    expect(again.all).to.match(/copying path '\S+-first-step'/).and.to.not.match(/building '\S+-first-step.drv'/)
    expect(again.all).to.match(/Putting build \S+ into the slug/).and.to.match(/Released v\d+/)
    expect(await app.page()).to.deep.equal({status: 200, text: 'Built by a push\n'})
  })

  it('does not build what was built: it is restored', async () => {
    await pushing.commit('--amend', '--message', 'Said better')
    const {exitCode, all} = await pushing.push()
    expect(exitCode, all).to.equal(0)
    expect(all).to.include('of this very tree').and.to.not.include('nix-build')
  })

  it('has the drvPath that heroku run build and nix:build have, and their records', async () => {
    const before = await records(scene, app)
    const run = await app.run('build --force')
    expect(run.stdout).to.include('Running nix-build').and.to.include('succeeded in').and.to.include('heroku nix:redeploy')
    await app.heroku('nix:build', '--force')
    const added = (await records(scene, app)).slice(before.length)
    expect(before.map(({state}) => state)).to.deep.equal(['running', 'succeeded'])
    expect(added.map(({claim: {dyno}}) => dyno.split('.')[0])).to.deep.equal(['run', 'run'])
    const [pushed] = before.slice(-1)
    expect(pushed?.claim.dyno).to.equal('push')
    expect(added.map(({outcome, source: {tree}}) => ({outcome: outcome?.drvPath, tree}))).to.deep.equal(
      Array.from({length: 2}, () => ({outcome: pushed?.outcome?.drvPath, tree: pushed?.source.tree})),
    )
  })

  it('that fails is rejected with Nix\'s log, and what runs goes on', async () => {
    await app.project.change(smallApp({name: 'building', script: 'echo this cannot be built; exit 7'}))
    const {exitCode, all} = await pushing.push()
    expect(exitCode, all).to.not.equal(0)
    expect(all).to.include('this cannot be built').and.to.include('exit code 7').and.to.include('What was pushed was not built').and.to.include('Push rejected')
    expect(await app.page()).to.deep.equal({status: 200, text: 'Built by a push\n'})
    expect((await records(scene, app)).at(-1)).to.have.nested.property('failure.code', 'NIX_BUILD_FAILED')
  })

  it('may be turned off: then heroku run build builds what was pushed, and nix:redeploy releases it', async () => {
    await app.heroku('config:set', 'NIX_BUILD_ON_PUSH=no')
    await app.project.change(smallApp({name: 'building', page: 'Built by heroku run build'}))
    const {exitCode, all} = await pushing.push()
    expect(exitCode, all).to.equal(0)
    expect(all).to.include('an older build is released')

    const run = await app.run('build', '--size=performance-l')
    expect(run.all).to.include('succeeded in').and.to.not.include('in its environment')
    const [record] = (await records(scene, app)).slice(-1)
    expect(record?.source).to.include({commit: await pushing.revision('HEAD'), tree: await pushing.revision('HEAD^{tree}')})
    await app.heroku('nix:redeploy')
    expect(await app.page()).to.deep.equal({status: 200, text: 'Built by heroku run build\n'})
    const again = await app.run('build')
    expect(again.stdout).to.include(`Build ${record?.id ?? ''} has built commit`)
  })

  it('heroku run build goes on to its end when the terminal is lost', async () => {
    await using other = await Gate.build()
    await app.project.change(smallApp({name: 'building', page: 'Built without a terminal', script: `curl --silent --fail ${other.url}`}))
    await pushing.push()
    const terminal = app.startHeroku('run', '--no-tty', 'build')
    await Promise.race([other.arrived, terminal])
    terminal.kill('SIGKILL')
    await app.logUntil('Client connection closed. Sending SIGHUP')
    other.open()
    const id = (await records(scene, app)).at(-1)?.id ?? ''
    await app.heroku('nix:build', '--follow', id)
    expect((await records(scene, app)).at(-1)).to.include({id, state: 'succeeded'})
  })
})

describe('a push with another buildpack before ours', function () {
  this.timeout(300_000)

  it('makes a slug with what both add, which a plain nix:redeploy refuses to make', async () => {
    const scene = await sharedScene()
    const other = join(scene.dir, 'other-buildpack')
    await mkdir(join(other, 'bin'), {recursive: true})
    await writeFile(join(other, 'bin/detect'), '#!/bin/sh\necho Other\n')
    await writeFile(join(other, 'bin/compile'), '#!/bin/sh\nmkdir -p "$1/.profile.d"\necho "added by another" > "$1/other.txt"\necho "export OTHER=set" > "$1/.profile.d/other.sh"\n')
    const pushing = await Pushing.open(scene, 'both', smallApp({name: 'both', page: 'Both'}), [pathToFileURL(other).href])
    const {app} = pushing
    await app.heroku('nix:build')
    const {exitCode, all} = await pushing.push()
    expect(exitCode, all).to.equal(0)
    expect(all).to.include('Other app detected').and.to.include('of this commit')
    const run = await app.run('cat other.txt; echo "OTHER is $OTHER"; readlink result')
    expect(run.stdout).to.match(/^added by another\nOTHER is set\n\.nixs\/\S+-both$/)
    expect(await app.page()).to.deep.equal({status: 200, text: 'Both\n'})

    const refused = await app.tryHeroku('nix:redeploy')
    expect(refused.exitCode, refused.all).to.equal(9)
    expect(refused.text).to.include('other-buildpack').and.to.include('heroku nix:redeploy --app both --via build')

    await app.project.replace('webserver', 'Both', 'Both, without a push')
    await app.heroku('nix:build')
    const via = await app.heroku('nix:redeploy', '--via', 'build')
    expect(via.all).to.include('Other app detected').and.to.include(`Restoring build ${await app.lastBuild()}, which was asked for`)
    expect((await app.run('cat other.txt')).stdout).to.equal('added by another')
    expect(await app.page()).to.deep.equal({status: 200, text: 'Both, without a push\n'})
  })
})
