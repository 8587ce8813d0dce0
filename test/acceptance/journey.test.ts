import {expect} from 'chai'
import {execa} from 'execa'
import {mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import type {ClosurePath} from '../../src/lib/build/record.ts'
import {EXIT} from '../../src/lib/errors.ts'
import {encodeBase32} from '../../src/lib/nix/base32.ts'
import {nixArchive} from '../dyno/engine/support/installed.ts'
import {makeRealStore} from '../dyno/engine/support/real-store.ts'
import {readObjects} from './support/bucket.ts'
import {Project} from './support/project.ts'
import {sharedScene, type App, type Scene} from './support/scene.ts'

describe('from a project to a page', function () {
  this.timeout(300_000)
  let scene: Scene
  let app: App

  before(async () => {
    scene = await sharedScene()
    app = await scene.app('journey', await Project.example(join(scene.dir, 'journey')))
  })

  it('nix:setup shows what it will do, does it, and has nothing to do the second time', async () => {
    const first = await app.trySetUp()
    expect(first.exitCode, first.all).to.equal(0)
    expect(first.all).to.include('NIX_S3_BUCKET').and.to.include('journey is set up')
    const again = await app.json('nix:setup')
    expect(again['done']).to.deep.equal([])
  })

  it('nix:build builds on a dyno and shows its log', async () => {
    const {stdout} = await app.heroku('nix:build', '--size=performance-l')
    expect(stdout).to.include('-----> ').and.to.match(/\/nix\/store\/[a-z0-9]{32}-hello-flask/)
    const [post] = await app.requests('POST', '/dynos')
    expect(post?.body).to.include({attach: false, size: 'performance-l'})
  })

  it('every path has the NAR hash and references of a build under a real /nix/store', async () => {
    const {closure} = (await app.record(await app.lastBuild()))['outcome'] as {closure: ClosurePath[]}
    expect(closure.length).to.be.at.least(50)
    using real = makeRealStore(nixArchive() ?? '')
    const result = (await real.nix('nix-build', ['/app/source/default.nix', '--no-out-link', '-j2'], app.project.dir)).trim()
    const info = JSON.parse(await real.nix('nix', ['path-info', '--json', '--recursive', result], app.project.dir)) as Record<string, {narHash: string; references: string[]}>
    expect(closure.map(({path, narHash, references}) => ({path, narHash, references: [...references].sort()}))).to.deep.equal(
      Object.entries(info).map(([path, {narHash, references}]) => ({path, narHash: fromSri(narHash), references: references.sort()}))
        .sort((one, other) => (one.path < other.path ? -1 : 1)),
    )
  })

  it('nix:redeploy releases it, and the page is there', async () => {
    await app.heroku('nix:redeploy')
    expect(await app.page()).to.deep.equal({status: 200, text: 'Hello from Nix\n'})
  })

  it('nix:cache:restore puts into a folder exactly what the slug has of the store', async () => {
    const {layer, result} = (await app.record(await app.lastBuild()))['outcome'] as {layer: {key: string}; result: string}
    const into = join(scene.dir, 'restored')
    const {stdout} = await app.heroku('nix:cache:restore', '--into', into)
    expect(stdout.trim()).to.equal(join(into, result.slice('/nix/store/'.length)))
    const unpacked = join(scene.dir, 'unpacked')
    await mkdir(unpacked)
    await execa('tar', ['--extract', '--gzip', '--directory', unpacked], {input: (await readObjects(scene.bucket, layer.key)).get(layer.key) ?? Buffer.alloc(0)})
    await execa('diff', ['--recursive', '--no-dereference', join(unpacked, 'app/.nixs'), into])
  })

  it('without a change, nix:build starts no dyno', async () => {
    const before = await app.requests('POST', '/dynos')
    const result = await app.json('nix:build')
    expect(result).to.include({reused: true, state: 'succeeded'})
    expect(await app.requests('POST', '/dynos')).to.have.length(before.length)
  })

  it('without a change, nix:redeploy copies no byte', async () => {
    const [current] = (await app.releases()).slice(-1)
    const slugs = await app.requests('POST', '/slugs')
    await app.heroku('nix:redeploy')
    expect(await app.requests('POST', '/slugs')).to.have.length(slugs.length)
    expect((await app.releases()).at(-1)?.slug).to.deep.equal(current?.slug)
  })

  it('pruned by what check suggests, it serves the same page out of a layer that is 15 % smaller', async () => {
    const page = await app.page()
    const whole = (await app.record(await app.lastBuild()))['outcome'] as {layer: {size: number}}
    const known = await layerSizes(scene)
    const file = join(scene.dir, 'suggested.slugexclude')
    await app.heroku('nix:slugexclude:check', '--suggest', '--output', file)
    await app.heroku('nix:slugexclude:check', '--slugexclude', file, '--html', join(scene.dir, 'slug.html'))
    await app.heroku('nix:redeploy', '--slugexclude', file)
    expect(await app.page()).to.deep.equal(page)
    expect(page.status).to.equal(200)
    const made = [...await layerSizes(scene)].filter(([key]) => !known.has(key)).map(([, size]) => size)
    expect(made).to.have.length(1)
    expect((made[0] ?? 0) / whole.layer.size).to.be.below(0.85)
  })

  it('a slug without its C library is released as asked, as check says it would break, and does not hurt the next build', async () => {
    await app.project.change({'.slugexclude': '- store/*-libc6-*/**\n'})
    await app.heroku('nix:build', '--size=performance-l')
    const checked = await app.tryHeroku('nix:slugexclude:check')
    expect([checked.exitCode, checked.all.includes('- store/*-libc6-*/**')], checked.text).to.deep.equal([EXIT.wouldBreak, true])
    const pruned = await app.tryHeroku('nix:redeploy')
    expect(pruned.exitCode, pruned.text).to.not.equal(0)
    expect((await app.page()).status).to.equal(503)
  })

  it('a changed line is a new page', async () => {
    await app.project.change({'.slugexclude': '\n'})
    await app.project.replace('app.py', 'Hello from Nix', 'Hello again')
    await app.heroku('nix:build', '--size=performance-l')
    await app.heroku('nix:redeploy')
    expect(await app.page()).to.deep.equal({status: 200, text: 'Hello again\n'})
  })
})

/** Bytes, by key. */
async function layerSizes({bucket}: Scene): Promise<Map<string, number>> {
  return new Map([...await readObjects(bucket, 'heroku/layers/')].filter(([key]) => key.endsWith('.tar.gz')).map(([key, bytes]) => [key, bytes.length]))
}

/** `sha256-BASE64` as records have it. */
function fromSri(hash: string): string {
  return `sha256:${encodeBase32(Buffer.from(hash.replace('sha256-', ''), 'base64'))}`
}
