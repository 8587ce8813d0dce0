import {expect} from 'chai'
import {rm, writeFile} from 'node:fs/promises'
import path from 'node:path'
import NixBuild from '../../src/commands/nix/build.ts'
import NixRedeploy from '../../src/commands/nix/redeploy.ts'
import NixSetup from '../../src/commands/nix/setup.ts'
import {recordStore} from '../../src/lib/build/record-store.ts'
import {playClaim, playLog, playSuccess} from './play-dyno.ts'
import {releaseSlug} from './release-slug.ts'
import {SERVER} from './steps.ts'
import {useWorld} from './world.ts'

interface BuildResult {
  build: string
  dyno: string
  state: string
  reused: boolean
  tree: string
  commit: string | null
}

describe('nix:build', function () {
  this.timeout(60_000)
  const world = useWorld()

  const setUp = async (app: string, settings?: Record<string, unknown>) => {
    const {standin, run} = world()
    const {s3} = standin.line
    await standin.createApp(app)
    const {error} = await run(NixSetup, [`--app=${app}`, `--bucket=${s3.bucket}`, `--endpoint=${s3.endpoint}`, `--key=${s3.key}`, `--confirm=${app}`, '--secret-stdin'], {input: s3.secret})
    expect(error).to.equal(null)
    if (settings) expect((await standin.api('PATCH', `/standin/apps/${app}`, settings)).status).to.equal(200)
    await standin.api('DELETE', '/standin/requests')
  }

  const posts = async (app: string) => (await world().standin.requests()).filter(({method, path: route}) => method === 'POST' && route === `/apps/${app}/dynos`)
  const record = async (app: string, build: string) => (await recordStore(world().bucket, app).require(build)).record
  const buildsOf = async (app: string) => {
    const ids: string[] = []
    for await (const id of recordStore(world().bucket, app).ids()) ids.push(id)
    return ids
  }

  const signingKey = async (app: string) => (await world().standin.api<Record<string, string>>('GET', `/apps/${app}/config-vars`)).body['NIX_SIGNING_KEY'] ?? ''
  const newCommit = (name: string) => world().git('commit', '--quiet', '--allow-empty', '--message', name)

  before('sets an app up', () => setUp('one'))

  it('starts one detached dyno whose command holds the build\'s id and no secret, and changes no config var', async () => {
    const {standin, run, git} = world()
    const {error, result, stdout} = await run(NixBuild, ['--app=one', '--size=standard-2x', '--timeout=2h', '--detach'])
    expect(error).to.equal(null)
    expect(stdout).to.equal('')
    const {build, tree, commit} = result as BuildResult
    expect([tree, commit]).to.deep.equal([git('rev-parse', 'HEAD^{tree}'), git('rev-parse', 'HEAD')])
    const [post, ...more] = await posts('one')
    expect(more).to.deep.equal([])
    const {command, env, ...body} = post?.body as {command: string; env: Record<string, string>}
    expect(body).to.deep.equal({attach: false, size: 'standard-2x', time_to_live: 7200})
    expect(command).to.include(build)
    expect(Object.keys(env)).to.deep.equal(['NIX_TOOLBOX', 'NIX_SOURCE_SHA256', 'NIX_SOURCE_TREE', 'NIX_SOURCE_COMMIT'])
    const secrets = [standin.line.s3.secret, standin.line.s3.key, (await signingKey('one')).split(':')[1] ?? 'missing', 'Signature']
    expect(secrets.filter(secret => JSON.stringify(post?.body).includes(secret))).to.deep.equal([])
    expect((await standin.requests()).filter(({method}) => method === 'PATCH')).to.deep.equal([])
    expect(await record('one', build)).to.include({state: 'pending', timeToLive: 7200, dynoSize: 'standard-2x', app: 'one'})
  })

  it('starts no dyno for what was built before, unless forced', async () => {
    await setUp('again')
    const {run, bucket} = world()
    const first = (await run(NixBuild, ['--app=again', '--detach'])).result as BuildResult
    await playSuccess(bucket, {app: 'again', build: first.build, signingKey: await signingKey('again')})
    const second = await run(NixBuild, ['--app=again'])
    expect(second.result).to.include({build: first.build, reused: true, state: 'succeeded'})
    expect(second.stderr).to.include(`Build ${first.build} has built this tree already; no dyno is started.`)
    expect(await posts('again')).to.have.length(1)
    newCommit('another commit of the same tree')
    expect((await run(NixBuild, ['--app=again'])).result).to.include({build: first.build, reused: true})
    expect((await run(NixBuild, ['--app=again', '--force', '--detach'])).result).to.include({reused: false})
  })

  it('builds again what was signed with another key', async () => {
    await setUp('distrust')
    const {run, bucket} = world()
    const {build} = (await run(NixBuild, ['--app=distrust', '--detach'])).result as BuildResult
    await playSuccess(bucket, {app: 'distrust', build, signingKey: await signingKey('one')})
    const {error, result} = await run(NixBuild, ['--app=distrust', '--detach'])
    expect(error).to.equal(null)
    expect(result).to.include({reused: false})
  })

  it('builds again what other flags built, and knows the builds of each', async () => {
    await setUp('flags')
    const {run, bucket, standin} = world()
    const {build} = (await run(NixBuild, ['--app=flags', '--detach'])).result as BuildResult
    await playSuccess(bucket, {app: 'flags', build, signingKey: await signingKey('flags'), program: SERVER})
    await standin.api('PATCH', '/apps/flags/config-vars', {NIX_BUILD_FLAGS: '-A other'})
    const {error, result} = await run(NixBuild, ['--app=flags', '--detach'])
    expect(error).to.equal(null)
    expect(result).to.include({reused: false})

    await playSuccess(bucket, {app: 'flags', build: (result as BuildResult).build, signingKey: await signingKey('flags')})
    await standin.api('PATCH', '/apps/flags/config-vars', {NIX_BUILD_FLAGS: null})
    const back = await run(NixBuild, ['--app=flags'])
    expect(back.result).to.include({build, reused: true})
    const released = await run(NixRedeploy, ['--app=flags'])
    expect(released.error).to.equal(null)
    expect(released.result).to.include({build})
  })

  it('shows the log from its start to its end, on standard output', async () => {
    await setUp('follow')
    const {run, bucket} = world()
    const {build} = (await run(NixBuild, ['--app=follow', '--force', '--detach'])).result as BuildResult
    await playLog(bucket, {app: 'follow', build}, 1, '-----> one\n')
    await playLog(bucket, {app: 'follow', build}, 2, '       two\n')
    await playSuccess(bucket, {app: 'follow', build, signingKey: await signingKey('follow')}, 2)
    const {stdout, error, result} = await run(NixBuild, ['--app=follow', `--follow=${build}`])
    expect([stdout, error]).to.deep.equal(['-----> one\n       two\n', null])
    expect(result).to.include({build, state: 'succeeded'})
    const json = await run(NixBuild, ['--app=follow', `--follow=${build}`, '--json'])
    expect(JSON.parse(json.stdout)).to.include({build, state: 'succeeded'})
    expect(json.stderr).to.include('-----> one\n')
  })

  it('says within 15 s that the dyno has gone, and so does the record', async () => {
    await setUp('gone')
    const {run} = world()
    // The tools of these tests are none, so the dyno ends by itself.
    const {error} = await run(NixBuild, ['--app=gone', '--force'])
    const [build = ''] = await buildsOf('gone')
    expect([error?.code, error?.exit]).to.deep.equal(['DYNO_LOST', 6])
    expect(error?.message).to.match(new RegExp(`^Build ${build} was lost: The dyno run\\.\\d+ ended before the build did\\.$`))
    expect(error?.suggestions.at(-1)).to.equal(`heroku nix:build --app gone --follow ${build}, which shows the log again`)
    expect((await record('gone', build)).state).to.equal('lost')
  })

  it('makes the working tree a build of its own with --worktree', async () => {
    await setUp('worktree')
    const {run, project, git} = world()
    await writeFile(path.join(project, 'new.txt'), 'new')
    const {result} = await run(NixBuild, ['--app=worktree', '--worktree', '--detach'])
    expect((result as BuildResult).commit).to.equal(null)
    expect((result as BuildResult).tree).to.not.equal(git('rev-parse', 'HEAD^{tree}'))
    expect(git('status', '--porcelain')).to.equal('?? new.txt')
    await rm(path.join(project, 'new.txt'))
  })

  describe('when POST /dynos breaks', () => {
    it('uses the dyno that was started although the answer was lost', async () => {
      await setUp('resetafter')
      const {standin, run, bucket} = world()
      // The dyno ends soon in these tests; with such a slug it is there to be found.
      await releaseSlug(standin, 'resetafter', {'.profile.d/slow.sh': 'sleep 20\n'})
      await standin.inject({kind: 'reset', method: 'POST', route: '/apps/*/dynos', when: 'after'})
      const {error, result} = await run(NixBuild, ['--app=resetafter', '--force', '--detach'])
      expect(error).to.equal(null)
      const {build, dyno} = result as BuildResult
      expect(dyno).to.match(/^run\.\d+$/)
      expect(await posts('resetafter')).to.have.length(1)
      const {body: dynos} = await standin.api<{name: string}[]>('GET', '/apps/resetafter/dynos')
      expect(dynos.map(({name}) => name)).to.deep.equal([dyno])
      expect(await playClaim(bucket, {app: 'resetafter', build}, dyno)).to.include({state: 'running'})
    })

    it('says so, and cancels the record, when no dyno was started', async () => {
      await setUp('resetbefore')
      const {standin, run, bucket} = world()
      await standin.inject({kind: 'reset', method: 'POST', route: '/apps/*/dynos', when: 'before'})
      const {error} = await run(NixBuild, ['--app=resetbefore', '--force'])
      expect([error?.code, error?.exit]).to.deep.equal(['NO_ANSWER', 8])
      expect(error?.message).to.match(/^The connection to Heroku broke while asking it to start a one-off dyno: .* No dyno of this build can be seen; should one come up late, it ends at once\.$/)
      expect(await posts('resetbefore')).to.have.length(1)
      const [build = ''] = await buildsOf('resetbefore')
      expect((await record('resetbefore', build)).state).to.equal('cancelled')
      const claim = await playClaim(bucket, {app: 'resetbefore', build}, 'run.1').catch((late: unknown) => String(late))
      expect(claim).to.equal(`Error: build ${build} is cancelled`)
    })
  })

  const refusals: {name: string; app: string; settings: Record<string, unknown>; argv?: string[]; code: string; message: RegExp; next: RegExp}[] = [
    {name: 'a size that the plan forbids', app: 'poor', settings: {performanceAllowed: false}, argv: ['--size=performance-l'], code: 'SIZE_REFUSED', message: /^Heroku refused to start a one-off dyno of size performance-l: Performance-L dynos aren't available/, next: /heroku ps:type --app poor/},
    {name: 'the limit of one-off dynos', app: 'full', settings: {oneOffLimit: 0}, code: 'DYNO_LIMIT', message: /^Heroku refused to start a one-off dyno: Cannot run more than 0 /, next: /heroku ps --app full/},
    {name: 'an app that one may only look at', app: 'viewer', settings: {permission: 'view'}, code: 'FORBIDDEN', message: /You do not have permission to deploy on viewer\./, next: /heroku access --app viewer/},
    {name: 'an owner who has not paid', app: 'debtor', settings: {delinquent: true}, code: 'PAYMENT_REQUIRED', message: /The owner of debtor is delinquent\. Please add a payment method\./, next: /billing/},
    {name: 'the stack container', app: 'image', settings: {stack: 'container'}, code: 'CONTAINER_APP', message: /image has the stack "container"/, next: /heroku stack:set heroku-24 --app image/},
    {name: 'a Fir app', app: 'tree', settings: {generation: 'fir'}, code: 'FIR_APP', message: /tree is a Fir app/, next: /heroku apps:create/},
  ]
  for (const {name, app, settings, argv = [], code, message, next} of refusals) {
    it(`passes on what Heroku says, and says what to type, for ${name}`, async () => {
      await setUp(app, settings)
      const {error} = await world().run(NixBuild, [`--app=${app}`, '--force', ...argv])
      expect([error?.code, error?.exit]).to.deep.equal([code, 7])
      expect(error?.message).to.match(message)
      expect(error?.suggestions.join('\n')).to.match(next)
      expect((await world().standin.requests()).filter(({method, path: route}) => method === 'POST' && route.endsWith('/slugs'))).to.deep.equal([])
      for (const build of await buildsOf(app)) expect((await record(app, build)).state).to.equal('cancelled')
    })
  }

  it('releases an empty slug first where Heroku wants one, and says so', async () => {
    await setUp('slugless', {dynosWithoutSlug: 'refuse'})
    const {run, standin} = world()
    const {error, result, stderr} = await run(NixBuild, ['--app=slugless', '--force', '--detach'])
    expect(error).to.equal(null)
    expect((result as BuildResult).dyno).to.match(/^run\.\d+$/)
    expect(stderr.replaceAll(/\s*›?\s+/g, ' ')).to.include('slugless had no slug yet, and Heroku wants one before it starts a dyno: released an empty one as v4.')
    expect((await standin.api<unknown[]>('GET', '/apps/slugless/dynos')).status).to.equal(200)
  })

  it('gives a dyno of heroku-22 signed URLs in its env, which nobody prints', async () => {
    await setUp('jammy', {stack: 'heroku-22'})
    const {run} = world()
    const {error} = await run(NixBuild, ['--app=jammy', '--force', '--detach'])
    expect(error).to.equal(null)
    const [post] = await posts('jammy')
    const {env, command} = post?.body as {env: Record<string, string>; command: string}
    expect(Object.keys(env).sort()).to.deep.equal(['NIX_LOADER_URL', 'NIX_LOCK_URL', 'NIX_NODE_URL', 'NIX_PROGRAM_URL', 'NIX_SOURCE_COMMIT', 'NIX_SOURCE_SHA256', 'NIX_SOURCE_TREE', 'NIX_TOOLBOX'])
    expect(command).to.not.include('X-Amz')
  })

  const projects: {name: string; argv: string[]; cwd?: string; code: string; exit: number; message: string}[] = [
    {name: 'a ref that is none', argv: ['--ref=nowhere'], code: 'UNKNOWN_REF', exit: 4, message: '"nowhere" names no commit or tree of this repository.'},
    {name: 'a folder in no repository', argv: [], cwd: '/', code: 'NO_REPOSITORY', exit: 4, message: 'This folder is in no Git repository; the source of a build is a Git tree.'},
    {name: 'a timeout that is none', argv: ['--timeout=2 hours'], code: 'BAD_TIMEOUT', exit: 2, message: '--timeout is "2 hours"; it can be between 1m and 24h, as in 90m, 2h or 1h30m.'},
    {name: 'a build that is not there', argv: ['--follow=20260101-000000-aaaa'], code: 'NO_SUCH_BUILD', exit: 2, message: 'one has no build 20260101-000000-aaaa.'},
  ]
  for (const {name, argv, cwd, code, exit, message} of projects) {
    it(`starts no dyno for ${name}`, async () => {
      const {error} = await world().run(NixBuild, ['--app=one', ...argv], cwd === undefined ? {} : {cwd})
      expect([error?.message, error?.code, error?.exit]).to.deep.equal([message, code, exit])
      expect(error?.suggestions).to.not.be.empty
      expect(await posts('one')).to.deep.equal([])
    })
  }

  it('starts no dyno and makes no record for a tree without default.nix', async () => {
    const {run, git} = world()
    const tree = git('mktree', '--missing', '-z')
    const {error} = await run(NixBuild, ['--app=one', `--ref=${tree}`])
    expect([error?.code, error?.exit, error?.message]).to.deep.equal(['NO_DEFAULT_NIX', 4, 'The tree has neither default.nix nor flake.nix at its root.'])
    expect(await posts('one')).to.deep.equal([])
  })

  const buckets: {name: string; vars: Record<string, string>; code: string; exit: number; message: RegExp}[] = [
    {name: 'a secret that is wrong by now', vars: {NIX_S3_SECRET: 'another'}, code: 'BAD_S3_SECRET', exit: 3, message: /^NIX_S3_SECRET is not the secret that belongs to NIX_S3_KEY/},
    {name: 'a bucket that has gone', vars: {NIX_S3_BUCKET: 'gone-by-now'}, code: 'NO_SUCH_BUCKET', exit: 3, message: /^There is no bucket gone-by-now at /},
    {name: 'a bucket that is in another region', vars: {NIX_S3_REGION: 'eu-west-1'}, code: 'WRONG_REGION', exit: 3, message: /is in us-east-1, not in eu-west-1 as NIX_S3_REGION has it\.$/},
    {name: 'a store that nobody reaches', vars: {NIX_S3_ENDPOINT: 'http://127.0.0.1:9'}, code: 'BUCKET_UNREACHABLE', exit: 8, message: /cannot be reached at http:\/\/127\.0\.0\.1:9/},
    {name: 'a signing key that is none', vars: {NIX_SIGNING_KEY: 'x'}, code: 'BAD_CONFIG_VAR', exit: 3, message: /^NIX_SIGNING_KEY is not a Nix secret key/},
    {name: 'an engine that is none', vars: {NIX_ENGINE: 'docker'}, code: 'BAD_CONFIG_VAR', exit: 3, message: /^NIX_ENGINE is "docker"/},
  ]
  for (const [index, {name, vars, code, exit, message}] of buckets.entries()) {
    it(`starts no dyno with ${name}`, async () => {
      const app = `bucket${index}`
      await setUp(app)
      const {standin, run} = world()
      await standin.api('PATCH', `/apps/${app}/config-vars`, vars)
      const {error} = await run(NixBuild, [`--app=${app}`])
      expect([error?.code, error?.exit]).to.deep.equal([code, exit])
      expect(error?.message).to.match(message)
      expect(error?.suggestions).to.not.be.empty
      expect(await posts(app)).to.deep.equal([])
    })
  }

  it('says that an app is not set up, and how to do it', async () => {
    await world().standin.createApp('bare')
    const {error} = await world().run(NixBuild, ['--app=bare'])
    expect([error?.code, error?.exit, error?.suggestions]).to.deep.equal(['NOT_SET_UP', 3, ['heroku nix:setup --app bare']])
  })

  it('printed no secret in all of this', async () => {
    const {standin, printed} = world()
    const secrets = [standin.line.s3.secret, standin.line.s3.key, standin.line.token, (await signingKey('one')).split(':')[1] ?? 'missing', 'X-Amz-Signature', 'Signature=']
    expect(secrets.filter(secret => printed().includes(secret))).to.deep.equal([])
  })
})
