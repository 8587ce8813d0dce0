import {expect} from 'chai'
import NixRedeploy from '../../src/commands/nix/redeploy.ts'
import {recordStore} from '../../src/lib/build/record-store.ts'
import {stepsIn} from './steps.ts'
import {useWorld} from './world.ts'

interface Result {
  slug: string
  version: number
  reused: string | null
  uploaded: number
  via: string | null
  url: string
}

/** Every slug counts as large. */
class NixRedeployOfLarge extends NixRedeploy {
  protected override viaDynoAbove = 1
}

describe('nix:redeploy by a dyno', function () {
  this.timeout(90_000)
  const world = useWorld({node: 'real'})
  const {setUp, build, posts} = stepsIn(world)

  const redeploy = async (app: string, ...flags: string[]) => {
    const ran = await world().run(flags.length === 0 ? NixRedeployOfLarge : NixRedeploy, [`--app=${app}`, ...flags])
    return {...ran, result: ran.result as Result | null}
  }

  before(async () => {
    for (const app of ['large', 'refusals']) {
      await setUp(app)
      await build(app)
    }
  })

  it('is how a large slug is released: the page is served, and this machine moved none of it', async () => {
    const {error, result, stderr} = await redeploy('large')
    expect(error, stderr).to.equal(null)
    expect(result).to.deep.include({reused: null, via: 'dyno'})
    expect(stderr).to.match(/The slug has [\d.]+ kB; a dyno moves it from the bucket to Heroku/).and.to.match(/done, by run\.\d+/).and.not.include('Fetching the layer')
    expect(await (await fetch(result?.url ?? '')).text()).to.equal('hello')

    const order = (await world().standin.requests()).find(({method, path}) => method === 'POST' && path === '/apps/large/dynos')?.body as {command: string; env: Record<string, string>; attach: boolean; time_to_live: number}
    expect(order.command).to.match(/ nix release \d{8}-\d{6}-[0-9a-z]{4} /).and.not.include('http:')
    expect(Object.keys(order.env).sort()).to.deep.equal(['NIX_LAYER_DIGEST', 'NIX_LAYER_SHA256', 'NIX_ORDER_BUILD', 'NIX_SLUG_URL', 'NIX_SOURCE_COMMIT', 'NIX_SOURCE_SHA256', 'NIX_SOURCE_TREE', 'NIX_TOOLBOX'])
    expect([order.attach, order.time_to_live]).to.deep.equal([false, 3600])

    const again = await redeploy('large')
    expect(again.result).to.deep.include({slug: result?.slug, reused: 'release', uploaded: 0, via: null})
  })

  it('gives Heroku the layer as it lies in the bucket', async () => {
    const {standin, bucket} = world()
    const {body: [release]} = await standin.api<{slug: {id: string}}[]>('GET', '/apps/large/releases', undefined, {range: 'version ..; order=desc,max=1'})
    const {body: slug} = await standin.api<{blob: {url: string}}>('GET', `/apps/large/slugs/${release?.slug.id ?? ''}`)
    const byDyno = Buffer.from(await (await fetch(slug.blob.url)).arrayBuffer())
    const record = await recordStore(bucket, 'large').newestSucceeded('newest')
    const layer = await bucket.read(record?.record.outcome.layer.key ?? '', {maxBytes: 1e6})
    expect(byDyno.includes(layer?.bytes ?? 'no layer')).to.equal(true)
  })

  it('is refused with the slug store\'s answer when its URL has expired', async () => {
    const {standin} = world()
    await standin.api('PATCH', '/standin/apps/refusals', {slugUrlMs: 0})
    const {error} = await redeploy('refusals', '--via=dyno')
    await standin.api('PATCH', '/standin/apps/refusals', {slugUrlMs: 3_600_000})
    expect([error?.code, error?.exit]).to.deep.equal(['SLUG_UPLOAD_REFUSED', 8])
    expect(error?.message).to.match(/^On dyno run\.\d+: Heroku's slug store refused the upload: status 403, AccessDenied\.$/)
    expect(error?.suggestions).to.deep.equal(['heroku nix:redeploy --app refusals'])
    expect(await posts('/releases')).to.equal(0)
  })

  it('releases nothing when the layer is not the one that was signed', async () => {
    const {bucket} = world()
    const found = await recordStore(bucket, 'refusals').newestSucceeded('newest')
    const key = found?.record.outcome.layer.key ?? ''
    const whole = (await bucket.read(key, {maxBytes: 1e6}))?.bytes ?? Buffer.alloc(0)
    const changed = Buffer.from(whole)
    changed[changed.length - 20] = (changed[changed.length - 20] ?? 0) ^ 1
    await bucket.put(key, changed)
    const {error} = await redeploy('refusals', '--via=dyno')
    await bucket.put(key, whole)
    expect([error?.code, error?.exit]).to.deep.equal(['BAD_SLUG_PART', 10])
    expect(await posts('/releases')).to.equal(0)
  })

  it('says soon that the dyno was killed', async () => {
    const {standin} = world()
    await standin.inject({kind: 'stall', method: 'PUT', route: '/blobs/*'})
    await standin.inject({kind: 'kill-dyno', app: 'refusals', line: 'Making the slug'})
    const started = performance.now()
    const {error, stderr} = await redeploy('refusals', '--via=dyno')
    expect([error?.code, error?.exit], stderr).to.deep.equal(['DYNO_LOST', 6])
    expect(error?.message).to.match(/^The dyno run\.\d+ ended before it had uploaded the slug\.$/)
    expect(error?.suggestions).to.deep.equal(['heroku nix:redeploy --app refusals', 'heroku nix:redeploy --app refusals --via local, which uploads from this machine'])
    expect(performance.now() - started).to.be.below(25_000)
    expect(await posts('/releases')).to.equal(0)
  })

  it('starts one dyno when the answer to POST /dynos is lost', async () => {
    const {standin} = world()
    await standin.inject({kind: 'reset', method: 'POST', route: '/apps/refusals/dynos', when: 'after'})
    const {error, result} = await redeploy('refusals', '--via=dyno')
    expect(error).to.equal(null)
    expect(result).to.deep.include({via: 'dyno'})
    expect(await posts('/dynos')).to.equal(1)
  })

  it('passes on that a size is not permitted', async () => {
    const {standin} = world()
    await build('large', 'echo other\n')
    await standin.api('PATCH', '/standin/apps/large', {performanceAllowed: false})
    const {error} = await redeploy('large', '--via=dyno', '--size=performance-l')
    expect([error?.code, error?.exit]).to.deep.equal(['SIZE_REFUSED', 7])
    expect(error?.suggestions.at(-1)).to.equal('heroku nix:redeploy --via dyno --app large, which takes the app\'s own size')
  })

  it('printed no secret and no signed URL in all of this, nor wrote one to the bucket or a log', async () => {
    const {standin, printed, bucket} = world()
    const texts = [printed()]
    for await (const {key} of bucket.list('heroku/apps/')) {
      if (key.includes('/slugs/')) texts.push((await bucket.read(key, {maxBytes: 1e6}))?.bytes.toString() ?? '')
    }

    expect(texts.length).to.be.above(4)
    const secrets = [standin.line.s3.secret, standin.line.s3.key, standin.line.token, 'Signature=', '/blobs/']
    expect(secrets.filter(secret => texts.some(text => text.includes(secret)))).to.deep.equal([])
  })
})
