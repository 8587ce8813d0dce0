import {expect} from 'chai'
import NixSetup from '../../src/commands/nix/setup.ts'
import {keys} from '../../src/lib/bucket/keys.ts'
import {useWorld} from './world.ts'

class ImpatientSetup extends NixSetup {
  protected override patience = 0
}

describe('nix:setup', function () {
  this.timeout(60_000)
  const world = useWorld()
  const args = (app: string, change: Record<string, string> = {}) => {
    const {bucket, endpoint, key, region} = world().standin.line.s3
    const flags = {app, bucket, endpoint, key, region, confirm: app, ...change}
    return [...Object.entries(flags).map(([name, value]) => `--${name}=${value}`), '--secret-stdin']
  }

  const setUp = (app: string, change?: Record<string, string>, input = world().standin.line.s3.secret) => world().run(NixSetup, args(app, change), {input})
  const vars = async (app: string) => (await world().standin.api<Record<string, string>>('GET', `/apps/${app}/config-vars`)).body

  it('sets an app up with one release of config vars and the buildpack last, and then has nothing to do', async () => {
    const {standin, run} = world()
    await standin.createApp('fresh')
    await standin.api('PUT', '/apps/fresh/buildpack-installations', {updates: [{buildpack: 'heroku/nodejs'}]})
    const {error, result, stdout} = await setUp('fresh')
    expect(error).to.equal(null)
    expect(stdout).to.equal('')
    expect(result).to.deep.include({app: 'fresh', done: ['upload-toolbox', 'set-config-vars', 'set-buildpacks'], notes: []})
    const {NIX_SIGNING_KEY, NIX_TOOLBOX, ...others} = await vars('fresh')
    const {s3} = standin.line
    expect(others).to.deep.equal({
      NIX_S3_KEY: s3.key, NIX_S3_SECRET: s3.secret, NIX_S3_BUCKET: s3.bucket, NIX_S3_REGION: s3.region, NIX_S3_ENDPOINT: s3.endpoint, NIX_APP_NAME: 'fresh',
    })
    expect(NIX_SIGNING_KEY).to.match(/^fresh-1:[A-Za-z0-9+/]{86}==$/)
    expect(NIX_TOOLBOX).to.match(/^[0-9a-f]{64}$/)
    expect((await world().bucket.read(keys.usedToolbox('fresh', 'fresh'), {maxBytes: 100}))?.bytes.toString()).to.equal(`${NIX_TOOLBOX ?? ''}\n`)
    const {body: buildpacks} = await standin.api<{buildpack: {url: string}}[]>('GET', '/apps/fresh/buildpack-installations')
    expect(buildpacks.map(({buildpack}) => buildpack.url)).to.have.length(2)
    expect(buildpacks.at(-1)?.buildpack.url).to.match(/^https:\/\/github\.com\/heroku-nix\/heroku-nix#v\d+\.\d+\.\d+$/)

    const again = await run(NixSetup, ['--app=fresh'])
    expect(again.error).to.equal(null)
    expect(again.result).to.deep.include({done: []})
    expect(again.stderr).to.include('fresh is set up for Nix builds; there is nothing to do.')
    const patches = (await standin.requests()).filter(({method}) => method === 'PATCH')
    expect(patches).to.have.length(1)
  })

  it('makes a bucket that is not there', async () => {
    const {standin} = world()
    await standin.createApp('newbucket')
    const {stderr, error, result} = await setUp('newbucket', {bucket: 'made-by-setup'})
    expect([error, (result as {done: string[]}).done]).to.deep.equal([null, ['create-bucket', 'upload-toolbox', 'set-config-vars', 'set-buildpacks']])
    expect(stderr).to.include('* create the bucket made-by-setup in us-east-1')
  })

  it('changes nothing without a terminal and without --confirm', async () => {
    const {standin, run} = world()
    await standin.createApp('unconfirmed')
    const argv = args('unconfirmed').filter(arg => !arg.startsWith('--confirm'))
    const {error} = await run(NixSetup, argv, {input: standin.line.s3.secret})
    expect(error).to.deep.equal({
      message: 'There is no terminal to ask at, and no --confirm; nothing was changed.', code: 'CONFIRMATION_NEEDED', exit: 2,
      suggestions: ['heroku nix:setup --app unconfirmed --confirm unconfirmed'],
    })
    expect(await vars('unconfirmed')).to.deep.equal({})
  })

  it('changes nothing when --confirm names another app', async () => {
    await world().standin.createApp('misnamed')
    const {error} = await setUp('misnamed', {confirm: 'other'})
    expect([error?.code, error?.exit]).to.deep.equal(['WRONG_CONFIRMATION', 2])
    expect(await vars('misnamed')).to.deep.equal({})
  })

  it('takes the keys of the add-on Bucketeer', async () => {
    const {standin, run} = world()
    await standin.createApp('addon')
    const {error} = await run(NixSetup, ['--app=addon', '--bucketeer', '--confirm=addon'])
    expect([error?.message, error?.code, error?.suggestions[0]]).to.deep.equal([
      'addon has no config vars of the add-on Bucketeer (BUCKETEER_BUCKET_NAME and others).', 'NO_BUCKETEER', 'heroku addons:create bucketeer --app addon',
    ])
  })

  it('keeps the app\'s own secret when it is run again with another region or name', async () => {
    const {standin, run} = world()
    await standin.createApp('twice')
    await setUp('twice')
    const before = await vars('twice')
    const {error} = await run(NixSetup, ['--app=twice', '--name=shared', '--confirm=twice'])
    expect(error).to.equal(null)
    expect(await vars('twice')).to.deep.equal({...before, NIX_APP_NAME: 'shared'})
  })

  const failures: {name: string; app: string; settings?: Record<string, unknown>; change?: () => Record<string, string>; input?: string; code: string; exit: number; message: RegExp; next: RegExp}[] = [
    {name: 'a wrong secret', app: 'wrongsecret', input: 'not-the-secret', code: 'BAD_S3_SECRET', exit: 3, message: /NIX_S3_SECRET is not the secret/, next: /^heroku nix:setup --app wrongsecret --secret-stdin/},
    {name: 'an unknown key', app: 'wrongkey', change: () => ({key: 'AKIAUNKNOWN'}), code: 'BAD_S3_KEY', exit: 3, message: /does not know the access key/, next: /^heroku nix:setup --app wrongkey --key/},
    {name: 'a bucket in another region', app: 'elsewhere', change: () => ({region: 'eu-west-1'}), code: 'WRONG_REGION', exit: 3, message: /us-east-1/, next: /^heroku nix:setup --app elsewhere --region us-east-1/},
    {name: 'a store that nobody reaches', app: 'unreached', change: () => ({endpoint: 'http://127.0.0.1:9'}), code: 'BUCKET_UNREACHABLE', exit: 8, message: /cannot be reached at http:\/\/127\.0\.0\.1:9/, next: /^heroku nix:setup --app unreached --endpoint/},
    {name: 'a Fir app', app: 'onfir', settings: {generation: 'fir'}, code: 'FIR_APP', exit: 7, message: /onfir is a Fir app/, next: /^heroku apps:create/},
    {name: 'a container app', app: 'docker', settings: {stack: 'container'}, code: 'CONTAINER_APP', exit: 7, message: /docker has the stack "container"/, next: /^heroku stack:set heroku-24 --app docker/},
    {name: 'an app that one may only look at', app: 'others', settings: {permission: 'view'}, code: 'FORBIDDEN', exit: 7, message: /You do not have permission to deploy on others\./, next: /^heroku access --app others/},
  ]
  for (const {name, app, settings, change, input, code, exit, message, next} of failures) {
    it(`says what is wrong and what to type for ${name}`, async () => {
      await world().standin.createApp(app, settings)
      const {error} = await setUp(app, change?.(), input)
      expect([error?.code, error?.exit]).to.deep.equal([code, exit])
      expect(error?.message).to.match(message)
      expect(error?.suggestions[0]).to.match(next)
    })
  }

  it('says so when there is no such app', async () => {
    const {error} = await setUp('nosuchapp')
    expect(error).to.deep.equal({
      message: "Heroku refused to show nosuchapp: Couldn't find that app.", code: 'NOT_FOUND', exit: 7, suggestions: ['heroku apps', 'heroku whoami'],
    })
  })

  it('notes what heroku-22 needs, and goes on', async () => {
    await world().standin.createApp('older', {stack: 'heroku-22'})
    const {error, result} = await setUp('older')
    expect(error).to.equal(null)
    expect((result as {notes: string[]}).notes[0]).to.match(/^older's stack heroku-22 ends on 2027-04-30/)
  })

  it('asks a busy Heroku again', async () => {
    const {standin} = world()
    await standin.createApp('patient')
    await standin.inject({kind: 'status', method: 'GET', route: '/apps/*', status: 503})
    await standin.inject({kind: 'status', method: 'GET', route: '/apps/*/config-vars', status: 429, retryAfter: 1})
    expect((await setUp('patient')).error).to.equal(null)
  })

  for (const [status, code, message] of [
    [429, 'RATE_LIMITED', 'Heroku refused to show hurried: Your account reached the API rate limit\nPlease wait a few minutes before making new requests'],
    [503, 'HEROKU_UNAVAILABLE', 'Heroku could not show hurried: Heroku API is temporarily unavailable.'],
  ] as const) {
    it(`passes on what Heroku says when it stays at ${status}`, async () => {
      const {standin, run} = world()
      await standin.createApp('hurried')
      await standin.inject({kind: 'status', method: 'GET', route: '/apps/*', status, count: 1000})
      const {error} = await run(ImpatientSetup, args('hurried'), {input: 'x'})
      await standin.api('DELETE', '/standin/faults')
      await standin.api('DELETE', '/apps/hurried')
      expect([error?.message, error?.code, error?.exit]).to.deep.equal([message, code, 8])
    })
  }

  it('gives errors as JSON with --json', async () => {
    const {stdout, error} = await world().run(NixSetup, ['--app=nosuchapp', '--json'])
    expect(error).to.equal(null)
    expect(JSON.parse(stdout)).to.deep.equal({
      error: {code: 'NOT_FOUND', message: "Heroku refused to show nosuchapp: Couldn't find that app.", exitCode: 7, suggestions: ['heroku apps', 'heroku whoami']},
    })
  })

  it('printed no secret in all of this', async () => {
    const {standin, printed} = world()
    const secrets = [standin.line.s3.secret, standin.line.s3.key, standin.line.token, (await vars('twice'))['NIX_SIGNING_KEY']?.split(':')[1] ?? 'missing']
    expect(secrets.filter(secret => printed().includes(secret))).to.deep.equal([])
  })
})
