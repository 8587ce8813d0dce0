import {expect} from 'chai'
import {execa} from 'execa'
import {expectStatus, until} from '../platform/harness.ts'
import type {BuildHarness} from './harness.ts'
import {IMAGE_TIMEOUT, saysInBuild, SHOWING, startBuildHarness} from './harness.ts'

describe('builds', function () {
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

  /** A buildpack whose bin/compile is this. */
  const compiling = (name: string, compile: string, more: Record<string, string> = {}) => builds.buildpack(name, {
    'bin/detect': `#!/bin/bash\necho ${name}\n`, 'bin/compile': `#!/bin/bash\nset -euo pipefail\n${compile}\n`, ...more,
  })
  const normal = (output: string) => output.replaceAll(builds.dir, 'DIR').replaceAll(/Done: [\d.]+K/g, 'Done: NK').replaceAll(/127\.0\.0\.1:\d+/g, 'HOST')
  const config = (app: string, vars: Record<string, string>) => expectStatus(200, builds.heroku.api('PATCH', `/apps/${app}/config-vars`, vars))

  it('give a buildpack what Heroku gives it, and make a release of what it leaves', async () => {
    const app = await builds.createApp([showing])
    await config(app, {GREETING: 'hi there'})
    const {build, output} = await builds.build(
      app, {Showfile: '', Procfile: 'web: ./own --port $PORT\n# no type\nworker:   ./work \n', '.slugignore': '# art\n*.psd\n/docs/\n', 'a/b.psd': '', 'docs/x': '', 'a/docs/y': ''},
      {blob: {version: 'c0ffee0123'}},
    )
    expect(normal(output)).to.equal(`-----> Building on the Heroku-24 stack
-----> Using buildpack: file://DIR/showing
-----> Deleting 2 files matching .slugignore patterns.
-----> Showing app detected
-----> Showing
       GREETING=hi there
       stack heroku-24, version c0ffee0123, home /app, config in env: no
       cached: nothing
       wrote to /app as uNNNNN
       BUILD_DIR is below /tmp
-----> Discovering process types
       Procfile declares types     -> web, worker
       Default types for buildpack -> console
-----> Compressing...
       Done: NK
-----> Launching...
       Released v4
       http://HOST/ deployed to Heroku
`)
    expect(build.status).to.equal('succeeded')
    const slug = await builds.heroku.api('GET', `/apps/${app}/slugs/${build.slug?.id ?? ''}`)
    expect(slug.body['process_types']).to.deep.equal({web: './own --port $PORT', worker: './work', console: 'bash'})
    expect({commit: slug.body['commit'], description: slug.body['buildpack_provided_description']}).to.deep.equal({commit: 'c0ffee0123', description: 'Showing'})
    const release = await builds.heroku.api('GET', `/apps/${app}/releases/${build.release?.id ?? ''}`)
    expect({status: release.body['status'], current: release.body['current'], description: release.body['description']})
      .to.deep.equal({status: 'succeeded', current: true, description: 'Deploy c0ffee01'})
    const files = await builds.slugFiles(app, build, ['made', 'a/docs/y', 'a/b.psd', 'docs/x'])
    expect(files).to.deep.equal(['made\n', '', null, null])
  })

  it('run as nobody special, with the build image\'s programs, and keep links and modes', async () => {
    const app = await builds.createApp([await compiling('looking', `
      id -u | grep -qv '^0$'
      for program in git gcc cc make python3 patchelf curl openssl; do command -v "$program" > /dev/null || echo "no $program"; done
      unshare --user true 2>&1 || true
      [[ -z "\${SOURCE_VERSION+set}" ]] && echo "no version"
      ls -A /app | wc -l
      ln -s ./target "$1/link"; echo x > "$1/script"; chmod 755 "$1/script"
    `)])
    const {build, output} = await builds.build(app, {'target': 'text\n'})
    expect(output).to.contain('unshare: unshare failed: Operation not permitted\nno version\n0\n').and.not.contain('no git')
    expect(await builds.slugFiles(app, build, ['script'])).to.deep.equal(['x\n'])
    const dyno = await expectStatus(201, builds.heroku.api('POST', `/apps/${app}/dynos`, {command: 'echo "$(readlink link) $(cat link) $(stat -c %a script)"'}))
    await until('the dyno', () => builds.heroku.log(app), log => log.includes(`${String(dyno.body['name'])}]: ./target text 755`))
  })

  it('keep the cache from one to the next, but not that of a build that failed, until it is deleted', async () => {
    const app = await builds.createApp([showing])
    const cached = async (files: Record<string, string> = {}) =>
      /cached: (.*)/.exec((await builds.build(app, {Showfile: '', ...files})).output)?.[1]
    expect([await cached(), await cached()]).to.deep.equal(['nothing', '1'])
    const failing = await compiling('failing', 'echo 100 > "$2/count"; exit 3')
    const {build} = await builds.build(app, {Showfile: ''}, {body: {buildpacks: [{url: failing}]}})
    expect(build.status).to.equal('failed')
    expect(await cached()).to.equal('2')
    const {body: {cache_get_url: url}} = await builds.heroku.api<{cache_get_url: string}>('GET', `/apps/${app}/build-metadata`)
    const {stdout} = await execa('tar', ['--extract', '--gzip', '--to-stdout', '--wildcards', '*count'], {input: Buffer.from(await (await fetch(url)).arrayBuffer())})
    expect(stdout).to.equal('3')
    expect((await fetch(url.replace(/Signature=./, 'Signature=x'))).status).to.equal(403)
    await expectStatus(202, builds.heroku.api('DELETE', `/apps/${app}/build-cache`))
    expect((await fetch(url)).status).to.equal(404)
    expect(await cached()).to.equal('nothing')
  })

  it('run several buildpacks in their order, the later with the exports of the earlier, and the last one\'s process types', async () => {
    const later = await compiling('later', 'echo "       shown: $SHOWN, made: $(cat "$1/made")"; echo 2 > "$1/second"', {
      'bin/release': '#!/bin/bash\necho "default_process_types: {worker: ./later}"\n',
    })
    const app = await builds.createApp([showing, later])
    const {build, output} = await builds.build(app, {Showfile: ''})
    expect(normal(output)).to.contain('-----> Using buildpacks:\n       1. file://DIR/showing\n       2. file://DIR/later\n')
      .and.contain('-----> later app detected\n       shown: yes, made: made\n-----> Discovering process types\n'
        + '       Procfile declares types     -> (none)\n       Default types for buildpack -> worker\n')
    expect(await builds.slugFiles(app, build, ['made', 'second'])).to.deep.equal(['made\n', '2\n'])
  })

  for (const [what, files, end] of [
    ['no buildpack fits', {}, `-----> App not compatible with buildpack: file://DIR/showing
       More info: https://devcenter.heroku.com/articles/buildpacks#detection-failure

 !     Push failed
`],
    ['a buildpack fails', {Showfile: '', Brokenfile: ''}, `half way

 !     Push rejected, failed to compile Broken app.
 !
 !     Push failed
`],
  ] as const) {
    it(`fail when ${what}, and leave the release that runs`, async () => {
      const broken = await builds.buildpack('broken', {
        'bin/detect': '#!/bin/bash\n[[ -f "$1/Brokenfile" ]] || exit 0; echo Broken\n',
        'bin/compile': '#!/bin/bash\n[[ -f "$1/Brokenfile" ]] || exit 0; echo half way; exit 1\n',
      })
      const app = await builds.createApp([showing, broken])
      const first = await builds.build(app, {Showfile: ''})
      expect(first.build.status, first.output).to.equal('succeeded')
      const {build, output} = await builds.build(app, files)
      expect({status: build.status, slug: build.slug, release: build.release}).to.deep.equal({status: 'failed', slug: null, release: null})
      expect(normal(output).endsWith(end), output).to.equal(true)
      const releases = await builds.heroku.api<{id: string; current: boolean}[]>('GET', `/apps/${app}/releases`)
      expect(releases.body.find(({current}) => current)?.id).to.equal(first.build.release?.id)
      expect(releases.body.length).to.equal(3)
    })
  }

  it('fail without a buildpack', async () => {
    const {output} = await builds.build(await builds.createApp([]), {x: ''})
    expect(output).to.contain(' !     No default language could be detected for this app.\n').and.contain(' !     Push failed\n')
  })

  it('refuse a slug above the limit, in Heroku\'s words', async () => {
    const app = await builds.createApp([await compiling('large', 'head -c 3000000 /dev/urandom > "$1/large"')], {buildSlugLimit: 2 * 1024 * 1024})
    const {build, output} = await builds.build(app, {x: ''})
    expect(build.status).to.equal('failed')
    expect(output).to.contain(' !     Compiled slug size: 2.9M is too large (max is 2M).\n !     See: http://devcenter.heroku.com/articles/slug-size\n')
  })

  it('are killed at the time limit, and the next one finds nothing of them', async () => {
    const slow = await compiling('slow', '[[ -f "$1/quick" ]] && exit; touch "$2/count"; echo begun; trap "echo deaf" TERM; sleep 1000 & sleep 1000')
    const app = await builds.createApp([slow], {buildTimeoutMs: 3000})
    const {build, output} = await builds.build(app, {x: ''})
    expect(build.status).to.equal('failed')
    expect(output).to.contain('begun\n').and.not.contain('deaf')
    expect(output.endsWith(`
 !     Timed out compiling slow app (3 seconds)
 !     See https://devcenter.heroku.com/articles/slug-compiler#time-limit
 !
 !     Push failed
`), output).to.equal(true)
    await builds.heroku.api('PATCH', `/standin/apps/${app}`, {buildTimeoutMs: 60_000})
    expect((await builds.build(app, {quick: ''})).build.status).to.equal('succeeded')
  })

  it('run one at a time for an app, and end when they are canceled', async () => {
    const app = await builds.createApp([await compiling('waiting', 'echo begun; sleep 1000')])
    const build = await builds.start(app, {x: ''})
    await saysInBuild(build, 'begun')
    const second = await builds.heroku.api('POST', `/apps/${app}/builds`, {source_blob: {url: 'http://127.0.0.1:1/'}})
    expect([second.status, second.body['message']]).to.deep.equal([429, 'Your account has reached its concurrent builds limit'])
    await expectStatus(202, builds.heroku.api('DELETE', `/apps/${app}/builds/${build.id}`))
    const end = await builds.finish(app, build)
    expect(end.build.status).to.equal('failed')
    expect(end.output).to.contain(' !     Build canceled\n')
    expect((await builds.heroku.api('DELETE', `/apps/${app}/builds/${build.id}`)).status).to.equal(422)
  })

  it('check the source', async () => {
    const app = await builds.createApp([showing])
    const wrong = await builds.build(app, {Showfile: ''}, {blob: {checksum: `SHA256:${'0'.repeat(64)}`}})
    expect(wrong.output).to.match(/ ! {5}Push rejected, the source's SHA256 is [0-9a-f]{64}, and its checksum says SHA256:0{64}\.\n/)
    const gone = await builds.build(app, {Showfile: ''}, {blob: {url: `${builds.heroku.platform.api}/source-blobs/none.tgz?Signature=secret`}})
    expect(gone.output).to.contain('/source-blobs/none.tgz?…: the server answered 403').and.not.contain('secret')
  })

  it('leave out a single folder around the source, and none when names begin with ./', async () => {
    const app = await builds.createApp([await compiling('listing', 'cd "$1"; echo found *')])
    expect((await builds.build(app, {x: '', y: ''}, {prefix: 'name-1.0'})).output).to.contain('found x y\n')
    expect((await builds.build(app, {'only/x': ''})).output).to.contain('found only\n')
  })

  it('stream their output, also from where a client was', async () => {
    const app = await builds.createApp([showing])
    const {build, output} = await builds.build(app, {Showfile: ''})
    const rest = await fetch(build.output_stream_url, {headers: {Range: 'bytes=20-'}})
    expect([rest.status, await rest.text()]).to.deep.equal([206, output.slice(20)])
  })

  it('are listed, the newest first when asked', async () => {
    const app = await builds.createApp([showing])
    const ids = [(await builds.build(app, {Showfile: ''})).build.id, (await builds.build(app, {})).build.id]
    const {body} = await builds.heroku.api<{id: string; status: string}[]>('GET', `/apps/${app}/builds`)
    expect(new Map(body.map(({id, status}) => [id, status]))).to.deep.equal(new Map([[ids[0], 'succeeded'], [ids[1], 'failed']]))
  })

  it('succeed when the release phase fails, which keeps the release that runs', async () => {
    const app = await builds.createApp([showing])
    const first = await builds.build(app, {Showfile: ''})
    const {build, output} = await builds.build(app, {Showfile: '', Procfile: 'release: echo migrating; exit 1\n'})
    expect(build.status).to.equal('succeeded')
    expect(output).to.contain(' !     Release command declared: this new release will not be available until the command succeeds.\n')
    const failed = await until('the release phase', () => builds.heroku.api('GET', `/apps/${app}/releases/${build.release?.id ?? ''}`), ({body}) => body['status'] !== 'pending')
    expect(failed.body['status']).to.equal('failed')
    expect((await builds.heroku.api('GET', `/apps/${app}/releases/${first.build.release?.id ?? ''}`)).body['current']).to.equal(true)
  })

  it('are counted as failed when the app goes', async () => {
    const app = await builds.createApp([await compiling('endless', 'echo begun; sleep 1000')])
    const build = await builds.start(app, {x: ''})
    await saysInBuild(build, 'begun')
    await expectStatus(200, builds.heroku.api('DELETE', `/apps/${app}`))
    expect(await (await fetch(build.output_stream_url)).text()).to.contain('Build canceled')
  })
})
