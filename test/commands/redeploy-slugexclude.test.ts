import {expect} from 'chai'
import fs from 'node:fs'
import {writeFile} from 'node:fs/promises'
import path from 'node:path'
import NixBuild from '../../src/commands/nix/build.ts'
import NixRedeploy from '../../src/commands/nix/redeploy.ts'
import {keys} from '../../src/lib/bucket/keys.ts'
import {parseSecretKey} from '../../src/lib/signing/nix-key.ts'
import {layerDigest} from '../../src/lib/slug/layer-digest.ts'
import type {Outcome} from '../../src/lib/build/record.ts'
import {makeTrees, type TestTrees} from '../lib/view/support/trees.ts'
import {APP, LIBRARY, playedClosure, type PlayedClosure} from './play-closure.ts'
import {playSuccess} from './play-dyno.ts'
import {SERVER, stepsIn} from './steps.ts'
import {useWorld} from './world.ts'

interface Result {
  slug: string
  reused: string | null
  via: string | null
  url: string
}

describe('nix:redeploy --slugexclude', function () {
  this.timeout(120_000)
  const world = useWorld({node: 'real'})
  const {setUp, signingKey, posts} = stepsIn(world)
  let trees: TestTrees
  let closure: PlayedClosure
  let made: Pick<Outcome, 'closure' | 'layer' | 'result'>
  let key: string

  before(async () => {
    trees = makeTrees()
    closure = playedClosure(trees, SERVER)
    await setUp('pruned')
    key = await signingKey('pruned')
    made = await closure.save(world().bucket, key)
    const {result} = await world().run(NixBuild, ['--app=pruned', '--force', '--detach'])
    await playSuccess(world().bucket, {app: 'pruned', build: (result as {build: string}).build, signingKey: key, made})
  })
  after(() => trees[Symbol.dispose]())

  const redeploy = async (rules: string, ...flags: string[]) => {
    await writeFile(path.join(world().project, 'rules'), rules)
    const ran = await world().run(NixRedeploy, ['--app=pruned', '--slugexclude=rules', ...flags])
    return {...ran, result: ran.result as Result | null}
  }

  const digestOf = (rules: string) => layerDigest({...made, engine: 'relocate', slugexclude: rules})
  const bytesOf = async (name: string) => (await world().bucket.read(name, {maxBytes: 1e6}))?.bytes ?? Buffer.alloc(0)

  it('prunes anew by a dyno, to the layer of a build with these rules, and the page is served', async () => {
    const rules = '- /store/*/share/\n'
    const {error, result, stderr} = await redeploy(rules)
    expect(error, stderr).to.equal(null)
    expect(result).to.deep.include({reused: null, via: 'local'})
    expect(await (await fetch(result?.url ?? '')).text()).to.equal('hello')
    expect(stderr).to.match(/Pruning build \S+ by rules\.\.\. done, by run\.\d+/).and.to.match(/Pruned by rules, the layer has \d+ B in place of \d+ B/)

    const file = `${trees.root}/built`
    await closure.layer(rules, file)
    expect((await bytesOf(keys.layer(digestOf(rules)))).equals(fs.readFileSync(file))).to.equal(true)

    const order = (await world().standin.requests()).find(({method, path: at}) => method === 'POST' && at === '/apps/pruned/dynos')?.body as {command: string; env: Record<string, string>}
    expect(order.command).to.match(/ nix prune \d{8}-\d{6}-[0-9a-z]{4} /)
    expect(Object.keys(order.env).sort()).to.deep.equal(['NIX_LAYER_DIGEST', 'NIX_ORDER_BUILD', 'NIX_SOURCE_COMMIT', 'NIX_SOURCE_SHA256', 'NIX_SOURCE_TREE', 'NIX_TOOLBOX'])
  })

  it('finds the slug again that it made by the same rules, and starts no dyno', async () => {
    const {result, stderr} = await redeploy('- /store/*/share/\n')
    expect(result).to.deep.include({reused: 'release'})
    expect(stderr).to.include('The closure was pruned by rules before')
    expect(await posts('/dynos')).to.equal(0)
  })

  it('is another slug than the build\'s own, which is there again without the flag', async () => {
    const {standin, run} = world()
    const {result} = await run(NixRedeploy, ['--app=pruned'])
    expect(result).to.deep.include({reused: null})
    const descriptions = await Promise.all((await standin.api<{slug: {id: string}}[]>('GET', '/apps/pruned/releases', undefined, {range: 'version ..; order=desc,max=2'})).body
      .map(async ({slug}) => (await standin.api<{commit_description: string}>('GET', `/apps/pruned/slugs/${slug.id}`)).body.commit_description))
    expect(new Set(descriptions.map(text => text.split(', ')[0])).size).to.equal(1)
    expect(new Set(descriptions).size).to.equal(2)
  })

  it('moves the pruned layer by a dyno, too, which trusts the note\'s signature', async () => {
    const rules = '- /store/*/share/\n+ *\n'
    const {error, result, stderr} = await redeploy(rules, '--via=dyno')
    expect(error, stderr).to.equal(null)
    expect(result).to.deep.include({reused: null, via: 'dyno'})
    expect(await posts('/dynos')).to.equal(2)
    expect(await (await fetch(result?.url ?? '')).text()).to.equal('hello')
  })

  it('says that a note of a layer is forged, and makes the layer again', async () => {
    const rules = '- *.so\n'
    const note = keys.layerNote(digestOf(rules), parseSecretKey(key).name)
    const forged = {version: 1, layer: {...made.layer, digest: digestOf(rules), key: keys.layer(digestOf(rules))}, signature: `pruned-1:${'A'.repeat(86)}==`}
    await world().bucket.put(keys.layer(digestOf(rules)), await bytesOf(made.layer.key))
    await world().bucket.put(note, Buffer.from(JSON.stringify(forged)))
    const {error, stderr} = await redeploy(rules)
    expect(error).to.equal(null)
    expect(stderr.replaceAll(/\s*›?\s+/g, ' ')).to.include('so it is not used')
    const file = `${trees.root}/again`
    await closure.layer(rules, file)
    expect((await bytesOf(keys.layer(digestOf(rules)))).equals(fs.readFileSync(file))).to.equal(true)
  })

  const narinfo = keys.narinfo(LIBRARY.slice(0, 32))
  const rows: [name: string, change: (bytes: Buffer) => Buffer | null, code: string, message: RegExp][] = [
    ['is gone', () => null, 'PATH_NOT_SAVED', new RegExp(`^On dyno run\\.\\d+: /nix/store/${LIBRARY} is not in bucket`)],
    ['has a forged signature', bytes => Buffer.from(bytes.toString().replace(/^References: .*/m, `References: ${APP}`)), 'BAD_SIGNATURE', /^On dyno run\.\d+: .*narinfo in bucket \S+ is refused: the signature of \S+ is forged\.$/],
  ]
  for (const [index, [name, change, code, message]] of rows.entries()) {
    it(`fails where a path of the closure ${name}`, async () => {
      const {bucket} = world()
      const whole = await bytesOf(narinfo)
      const changed = change(whole)
      if (changed === null) await bucket.delete([narinfo])
      else await bucket.put(narinfo, changed)
      const {error} = await redeploy(`- ${index}\n`)
      await bucket.put(narinfo, whole)
      expect([error?.code, error?.exit]).to.deep.equal([code, 10])
      expect(error?.message).to.match(message)
      expect(await posts('/releases')).to.equal(0)
    })
  }

  it('says soon that the dyno was killed', async () => {
    const {standin} = world()
    await standin.inject({kind: 'kill-dyno', app: 'pruned', line: 'Fetching toolbox'})
    const started = performance.now()
    const {error, stderr} = await redeploy('- killed\n')
    expect([error?.code, error?.exit], stderr).to.deep.equal(['DYNO_LOST', 6])
    expect(error?.message).to.match(/^The dyno run\.\d+ ended before it had pruned the layer\.$/)
    expect(performance.now() - started).to.be.below(25_000)
    expect(await posts('/releases')).to.equal(0)
  })

  it('printed no secret in all of this, nor wrote one to the bucket', async () => {
    const {standin, printed, bucket} = world()
    const texts = [printed()]
    for await (const {key: name} of bucket.list('heroku/apps/')) if (name.includes('/layers/')) texts.push((await bytesOf(name)).toString())
    expect(texts.length).to.be.above(6)
    const secrets = [standin.line.s3.secret, standin.line.s3.key, standin.line.token, key.split(':')[1] ?? '']
    expect(secrets.filter(secret => texts.some(text => text.includes(secret)))).to.deep.equal([])
  })
})
