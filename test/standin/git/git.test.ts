import {expect} from 'chai'
import {execFile} from 'node:child_process'
import {randomBytes} from 'node:crypto'
import {once} from 'node:events'
import type {IncomingMessage, ServerResponse} from 'node:http'
import {createServer} from 'node:http'
import type {AddressInfo} from 'node:net'
import {join} from 'node:path'
import {promisify} from 'node:util'
import type {BuildHarness} from '../builds/harness.ts'
import {IMAGE_TIMEOUT, saysInBuild, SHOWING, startBuildHarness, writeFiles} from '../builds/harness.ts'
import type {BuildAnswer} from '../builds/harness.ts'
import {expectStatus, until} from '../platform/harness.ts'
import {workingCopy} from './repository.ts'

const run = promisify(execFile)

describe('git push', function () {
  this.timeout(60_000)
  let builds: BuildHarness
  let showing: string

  before(async function () {
    this.timeout(IMAGE_TIMEOUT)
    builds = await startBuildHarness()
    showing = await builds.buildpack('showing', SHOWING)
  })
  after(async () => {
    expect(builds.heroku.complaints).to.deep.equal([])
    await builds[Symbol.asyncDispose]()
  })

  const start = async (buildpacks: string[], settings = {}) => {
    const app = await builds.createApp(buildpacks, settings)
    return {app, copy: await workingCopy(builds, app)}
  }
  const buildsOf = async (app: string) => (await expectStatus(200, builds.heroku.api<(BuildAnswer & {source_blob: Record<string, string>})[]>('GET', `/apps/${app}/builds`))).body
  const normal = (output: string) => output.replaceAll(builds.dir, 'DIR').replaceAll(/Done: [\d.]+K/g, 'Done: NK').replaceAll(/127\.0\.0\.1:\d+/g, 'HOST')

  it('to the remote that the CLI makes builds that commit and releases it, and says so as Heroku does', async () => {
    const {app, copy} = await start([showing])
    const commit = await copy.commit({Showfile: '', Procfile: 'web: ./x\n', '.gitattributes': 'kept export-ignore\n', kept: ''})
    await expectStatus(200, builds.heroku.api('PATCH', `/apps/${app}/config-vars`, {A: '1'}))
    const {code, remote} = await copy.push('heroku', 'main')
    expect(normal(remote)).to.equal(`Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Using buildpack: file://DIR/showing
-----> Showing app detected
-----> Showing
       A=1
       stack heroku-24, version ${commit}, home /app, config in env: no
       cached: nothing
       wrote to /app as uNNNNN
       BUILD_DIR is below /tmp
-----> Discovering process types
       Procfile declares types     -> web
       Default types for buildpack -> console
-----> Compressing...
       Done: NK
-----> Launching...
       Released v4
       http://HOST/ deployed to Heroku

Verifying deploy... done.`)
    expect(code).to.equal(0)
    // By this line the CLI knows the app.
    expect((await copy.git('remote', '-v')).stdout).to.contain(`heroku\thttps://git.heroku.com/${app}.git (fetch)`)
    const [build] = await buildsOf(app)
    if (!build) throw new Error('no build')
    expect([build.source_blob['version'], build.source_blob['version_description'], build.status]).to.deep.equal([commit, '* A: a change', 'succeeded'])
    expect(await builds.slugFiles(app, build, ['kept', '.git/HEAD'])).to.deep.equal(['', null])
    const again = await copy.push('heroku', 'main')
    expect(again.stderr).to.contain('Everything up-to-date')
  })

  it('of a rewritten history needs --force, and then is built', async () => {
    const {app, copy} = await start([showing])
    await copy.commit({Showfile: ''})
    await copy.push('heroku', 'main')
    await copy.git('commit', '--quiet', '--amend', '--allow-empty', '--message', 'another')
    expect((await copy.push('heroku', 'main')).stderr).to.contain('[rejected]')
    const {code, remote} = await copy.push('--force', 'heroku', 'main')
    expect({code, built: remote.includes('Released v4')}).to.deep.equal({code: 0, built: true})
    expect((await copy.git('ls-remote', copy.url, 'main')).stdout.split('\t')[0]).to.equal((await copy.git('rev-parse', 'HEAD')).stdout.trim())
    expect((await buildsOf(app)).length).to.equal(2)
  })

  it('builds master, too, and accepts other branches and tags without a build', async () => {
    const {app, copy} = await start([showing])
    await copy.commit({Showfile: ''})
    await copy.git('tag', 'v1')
    for (const ref of ['main:feature', 'v1']) {
      const {code, remote} = await copy.push('heroku', ref)
      expect({code, remote}).to.deep.equal({code: 0, remote: 'Pushed to non-main branch, skipping build.'})
    }

    expect(await buildsOf(app)).to.deep.equal([])
    const {code, remote} = await copy.push('heroku', 'main:master')
    expect({code, verified: remote.endsWith('Verifying deploy... done.')}).to.deep.equal({code: 0, verified: true})
  })

  it('is rejected when the build fails, and can be pushed again', async () => {
    const {app, copy} = await start([showing])
    await copy.commit({Showfile: ''})
    await copy.push('heroku', 'main')
    await copy.git('rm', '--quiet', 'Showfile')
    await copy.commit({other: ''})
    const {code, remote, stderr} = await copy.push('heroku', 'main')
    expect(code).to.equal(1)
    expect(remote).to.contain(`
 !     Push failed

Verifying deploy...

!\tPush rejected to ${app}.
`)
    expect(stderr).to.contain(' ! [remote rejected] main -> main (pre-receive hook declined)\n')
    const releases = await builds.heroku.api<{version: number; current: boolean}[]>('GET', `/apps/${app}/releases`)
    expect(releases.body.find(({current}) => current)?.version).to.equal(3)
    await copy.commit({Showfile: 'again'})
    expect((await copy.push('heroku', 'main')).code).to.equal(0)
  })

  it('is rejected while another build of the app runs, and when it takes too long', async () => {
    const slow = await builds.buildpack('slow', {'bin/detect': '#!/bin/bash\necho Slow\n', 'bin/compile': '#!/bin/bash\necho begun; sleep 1000\n'})
    const {app, copy} = await start([slow], {buildTimeoutMs: 60_000})
    await copy.commit({x: ''})
    const first = copy.push('heroku', 'main')
    const [running] = await until('the first build', () => buildsOf(app), list => list.length > 0)
    if (!running) throw new Error('no build')
    await saysInBuild(running, 'begun')
    const second = await copy.push('heroku', 'main')
    expect({code: second.code, remote: second.remote.trimEnd()}).to.deep.equal({
      code: 1, remote: 'Compressing source files... done.\nBuilding source:\n\n\n!\tYour account has reached its concurrent builds limit',
    })
    await expectStatus(202, builds.heroku.api('DELETE', `/apps/${app}/builds/${running.id}`))
    expect((await first).remote).to.contain(`Build canceled\n !\n !     Push failed\n\nVerifying deploy...\n\n!\tPush rejected to ${app}.`)

    await builds.heroku.api('PATCH', `/standin/apps/${app}`, {buildTimeoutMs: 2000})
    const late = await copy.push('heroku', 'main')
    expect(late.code).to.equal(1)
    expect(late.remote).to.contain(' !     Timed out compiling Slow app (2 seconds)\n')
  })

  it('shows the release phase, and is accepted although it fails', async () => {
    const {copy} = await start([showing])
    await copy.commit({Showfile: '', Procfile: 'release: echo migrating; test -f good\n'})
    const failed = await copy.push('heroku', 'main')
    expect(failed.remote).to.contain('Verifying deploy... done.\nRunning release command...\n\nmigrating\nWaiting for release.... failed.')
    await copy.commit({good: ''})
    const done = await copy.push('heroku', 'main')
    expect([failed.code, done.code, done.remote.endsWith('Waiting for release.... done.')]).to.deep.equal([0, 0, true])
  })

  it('uses buildpacks from a Git repository at a branch, a tag or a commit, and from a tar.gz', async () => {
    const repository = join(builds.dir, 'buildpack-repository')
    await writeFiles(repository, {'bin/detect': '#!/bin/bash\necho Versioned\n', 'bin/compile': '#!/bin/bash\necho version one\n'})
    const git = (...words: string[]) => run('git', ['-C', repository, '-c', 'user.name=A', '-c', 'user.email=a@example.com', ...words])
    await git('init', '--quiet', '--initial-branch=main')
    await git('add', '--all')
    await git('commit', '--quiet', '--message', 'one')
    await git('tag', 'v1')
    await run('tar', ['-czf', join(builds.dir, 'one.tgz'), '-C', repository, 'bin'])
    await run('tar', ['-czf', join(builds.dir, 'archive.tar.gz'), '-C', builds.dir, 'buildpack-repository/bin'])
    await writeFiles(repository, {'bin/compile': '#!/bin/bash\necho version two\n'})
    await git('commit', '--quiet', '--all', '--message', 'two')

    const {app, copy} = await start([showing])
    const said = []
    for (const buildpack of [`file://${repository}`, `file://${repository}#v1`, `file://${repository}#main`, `file://${builds.dir}/one.tgz`, `file://${builds.dir}/archive.tar.gz`, `file://${repository}#none`]) {
      await expectStatus(200, builds.heroku.api('PUT', `/apps/${app}/buildpack-installations`, {updates: [{buildpack}]}))
      await copy.commit({})
      const {remote} = await copy.push('heroku', 'main')
      said.push(/version \w+$/m.exec(remote)?.[0] ?? / !.*fetching.*/.exec(remote)?.[0])
    }

    expect(said).to.deep.equal(['version two', 'version one', 'version two', 'version one', 'version one', ' !     Push rejected, error fetching custom buildpack'])
  })

  it('carries large commits, and clones come back whole', async () => {
    const {app, copy} = await start([showing])
    await copy.commit({Showfile: '', large: randomBytes(3_000_000).toString('hex')})
    expect((await copy.push('heroku', 'main')).code).to.equal(0)
    const [build] = await buildsOf(app)
    const clone = join(builds.dir, 'clone')
    expect((await copy.git('clone', '--quiet', copy.url, clone)).code).to.equal(0)
    const [original, cloned] = await Promise.all([copy.git('rev-parse', 'main:large'), copy.git('-C', clone, 'rev-parse', 'HEAD:large')])
    expect(cloned.stdout).to.equal(original.stdout)
    expect(build && (await builds.slugFiles(app, build, ['large']))[0]?.length).to.equal(6_000_000)
  })

  it('is built to its end when the client leaves', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const asked = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>
    const gate = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const waiting = await builds.buildpack('waiting', {
      'bin/detect': '#!/bin/bash\necho Waiting\n', 'bin/compile': `#!/bin/bash\ncurl --silent ${gate}\n`,
    })
    const {app, copy} = await start([waiting])
    await copy.commit({x: ''})
    const push = copy.spawn('push', 'heroku', 'main')
    const closed = once(push, 'close')
    const [, answer] = await asked
    // As Ctrl-C does: git's own children get it, too.
    process.kill(-(push.pid ?? 0), 'SIGINT')
    await closed
    answer.end('goes on\n')
    server.close()
    const [running] = await buildsOf(app)
    if (!running) throw new Error('no build')
    const {build, output} = await builds.finish(app, running)
    expect(build.status, output).to.equal('succeeded')
    expect(output).to.contain('goes on\n')
  })

  it('and clone need the API key, and an app', async () => {
    const {app, copy} = await start([showing])
    await copy.commit({Showfile: ''})
    await copy.push('heroku', 'main:other')
    expect((await copy.git('fetch', copy.url, 'other')).code).to.equal(0)
    const api = builds.heroku.platform.api
    const wrong = await copy.git('-c', 'credential.helper=', 'push', `${api.replace('://', '://heroku:wrong@')}/${app}.git`, 'main')
    expect(wrong.stderr).to.contain('Authentication failed')
    const right = await copy.git('-c', 'credential.helper=', 'push', `${api.replace('://', `://heroku:${builds.heroku.platform.token}@`)}/${app}.git`, 'main')
    expect(right.code).to.equal(0)
    const missing = await copy.push('https://git.heroku.com/no-such-app.git', 'main')
    expect(missing.remote).to.equal('!\tNo such app as no-such-app.')
  })
})
