import {expect} from 'chai'
import {join} from 'node:path'
import {s3Bucket} from '../../src/lib/bucket/s3-bucket.ts'
import {parseSecretKey} from '../../src/lib/signing/nix-key.ts'
import {checkCache} from '../support/check-cache.ts'
import {Gate} from './support/gate.ts'
import {Project} from './support/project.ts'
import {sharedScene, type App, type Scene} from './support/scene.ts'
import {smallApp} from './support/small-app.ts'

describe('a build that loses something', function () {
  this.timeout(120_000)
  let scene: Scene
  let app: App
  let gate: Gate
  let round = 0

  before(async () => {
    scene = await sharedScene()
    app = await scene.app('losses', await Project.of(join(scene.dir, 'losses'), smallApp()))
    await app.setUp()
  })

  beforeEach(async () => {
    gate = await Gate.build()
    round += 1
    await app.project.change(smallApp({
      page: `Round ${round}`, name: `round-${round}`, script: `echo at the gate; curl --silent --fail ${gate.url}; echo past the gate`,
    }))
  })

  afterEach(() => gate[Symbol.asyncDispose]())

  it('goes on without its terminal: --follow shows the log from its start, and redeploy releases it', async () => {
    const terminal = app.startHeroku('nix:build', '--size=performance-l')
    await gate.arrived
    terminal.kill('SIGKILL')
    await terminal
    gate.open()

    const id = await app.lastBuild()
    const followed = await app.heroku('nix:build', '--follow', id)
    expect(followed.stdout).to.match(/^-----> /).and.to.include('at the gate').and.to.include('past the gate')
    await app.heroku('nix:redeploy')
    expect(await app.page()).to.deep.equal({status: 200, text: `Round ${round}\n`})
  })

  it('says within 15 s that its dyno is gone, and so does the record', async () => {
    const terminal = app.startHeroku('nix:build', '--size=performance-l')
    await gate.arrived
    const [dyno] = await app.oneOffs()
    await scene.standin.api('POST', `/standin/apps/${app.name}/dynos/${dyno ?? ''}/kill`)
    const killed = performance.now()
    const ended = await terminal
    expect(performance.now() - killed).to.be.below(15_000)
    expect(ended.exitCode).to.equal(6)
    expect(ended.all).to.include('ended before the build did').and.to.include('heroku nix:build')

    const again = await app.tryHeroku('nix:build', '--follow', await app.lastBuild())
    expect(again.exitCode).to.equal(6)
    expect(again.text).to.include('was lost')
  })

  it('is built once when Heroku starts two dynos for it', async () => {
    const terminal = app.startHeroku('nix:build', '--size=performance-l')
    await gate.arrived
    const [post] = await app.requests('POST', '/dynos').then(all => all.slice(-1))
    const id = await app.lastBuild()
    const record = await app.record(id)
    const source = record['source'] as {sha256: string; tree: string; commit: string}
    const {name} = await app.api('POST', '/dynos', {
      command: post?.body['command'], attach: false, size: 'performance-l', time_to_live: 600,
      env: {NIX_TOOLBOX: record['toolbox'], NIX_SOURCE_SHA256: source.sha256, NIX_SOURCE_TREE: source.tree, NIX_SOURCE_COMMIT: source.commit},
    }) as {name: string}
    const log = await app.logUntil(`app[${name}]: `, 'has nothing to do')
    expect(log).to.include(`Build ${id} is running already`)

    gate.open()
    expect((await terminal).exitCode).to.equal(0)
    expect((await app.record(id))['claim']).to.have.property('dyno').that.does.not.equal(name)
  })

  it('asks for one dyno when the answer to POST /dynos is lost', async () => {
    gate.open()
    await scene.standin.api('POST', '/standin/faults', {kind: 'reset', when: 'after', method: 'POST', route: `/apps/${app.name}/dynos`})
    const before = await app.requests('POST', '/dynos')
    const {exitCode, all} = await app.tryHeroku('nix:build', '--size=performance-l')
    expect(await app.requests('POST', '/dynos')).to.have.length(before.length + 1)
    expect(exitCode, all).to.equal(0)
  })

  it('says that Heroku ended its dyno for its memory, and a larger one goes on from what was finished', async () => {
    const part = (name: string, script: string, needs = '') => `${name} = derivation {
      name = "${name}"; system = "x86_64-linux"; builder = "/bin/bash"; needs = [ ${needs} ]; args = [ "-c" "export PATH=/usr/bin:/bin; ${script}" ];
    };`
    const modest = part('modest', 'mkdir $out; echo modest > $out/modest')
    const hungry = part('hungry', "perl -e 'my $all = \\\"x\\\" x (700 * 2 ** 20); print \\\"it fits\\\\n\\\"; sleep 2'; mkdir -p $out; echo $needs > $out/needs", 'modest')
    const {'default.nix': web = '', ...rest} = smallApp({page: 'Fed', attributes: 'needs = [ hungry ];'})
    // In a bucket of its own: what others' keys have signed would count as forged.
    const greedy = await scene.app('greedy', await Project.of(join(scene.dir, 'greedy'), {...rest, 'default.nix': `let ${modest} ${hungry} in ${web}`}), 'greedy-cache')
    await greedy.setUp()
    await scene.standin.api('PATCH', '/standin/apps/greedy', {memoryQuota: 400 * 1024 ** 2})
    const {exitCode, text} = await greedy.tryHeroku('nix:build')
    expect(exitCode, text).to.equal(6)
    expect(text.replaceAll(/\s+[›▸!]*\s*/g, ' ')).to.match(/was lost: Heroku ended dyno run\.\d+ because it took [\d.]+ (GB|MB) of memory, and its size has 40\d MB \(R15\)\. What was built before is saved\./)
      .and.to.match(/heroku nix:build --app greedy --size (standard-2x|performance-m), which goes on from what was saved/)
    expect(await greedy.record(await greedy.lastBuild())).to.deep.include({state: 'lost'}).and.to.have.nested.property('failure.code', 'OUT_OF_MEMORY')

    const bucket = s3Bucket(greedy.bucket)
    try {
      const {NIX_SIGNING_KEY: signingKey = ''} = await greedy.api('GET', '/config-vars') as Record<string, string>
      const {faults, infos} = await checkCache(bucket, {trusted: parseSecretKey(signingKey).publicKey})
      expect(faults).to.deep.equal([])
      expect([...infos.keys()].some(path => path.endsWith('-modest'))).to.equal(true)
    } finally {
      bucket.close()
    }

    await scene.standin.api('PATCH', '/standin/apps/greedy', {memoryQuota: 4 * 1024 ** 3})
    const {stdout} = await greedy.heroku('nix:build')
    expect(stdout).to.include('it fits').and.to.match(/copying path '\S+-modest'/).and.not.to.match(/building '\S+-modest\.drv'/)
  })
})
