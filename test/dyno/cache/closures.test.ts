import {expect} from 'chai'
import {once} from 'node:events'
import {createServer, type Server} from 'node:http'
import type {AddressInfo} from 'node:net'
import {setTimeout as delay} from 'node:timers/promises'
import {signNarInfo} from '../../../src/lib/closure/narinfo-signature.ts'
import {printNarInfo, type NarInfo} from '../../../src/lib/closure/narinfo.ts'
import {formatPublicKey} from '../../../src/lib/signing/nix-key.ts'
import {Gate} from '../../acceptance/support/gate.ts'
import {OTHER_KEY} from '../../lib/closure/support/narinfos.ts'
import {checkCache} from '../../support/check-cache.ts'
import {hasTools, makeWorld, type World} from '../support/world.ts'
import {build, finish, nameOf, narInfosOf, projectOf} from './support.ts'

const MAKE = (name: string) => `mkdir $out; echo "${name}" > $out/${name}\n`
/** Four derivations; `text` is what the third one makes. @param tree tells one test's closure from another's */
const project = (tree: string, text: string) => projectOf({
  base: {script: MAKE(`base of ${tree}`)},
  left: {script: `${MAKE('left')}echo $base > $out/base\n`, inputs: ['base']},
  right: {script: `${MAKE(text)}echo $base > $out/base\n`, inputs: ['base']},
  app: {script: 'mkdir $out; echo $left $right > $out/app\n', inputs: ['left', 'right']},
})

describe('the closure in the bucket', function () {
  this.timeout(240_000)
  let world: World
  before(async function () {
    if (!hasTools()) this.skip()
    world = await makeWorld()
  })
  afterEach(() => world.faults.clear())
  after(async () => {
    await (world as World | undefined)?.close()
  })

  /** Everything in it is whole: each NAR is what its narinfo says, each narinfo is signed, each reference is there. */
  async function expectConsistent(isUpstream: (path: string) => boolean = () => false): Promise<void> {
    const {faults} = await checkCache(world.bucket, {trusted: world.signingKey.publicKey, isUpstream})
    expect(faults).to.deep.equal([])
  }

  async function saved(name: string): Promise<void> {
    while (![...(await narInfosOf(world.bucket)).values()].some(info => nameOf(info) === name)) await delay(50)
  }

  async function infoOf(name: string): Promise<NarInfo> {
    const found = [...(await narInfosOf(world.bucket)).values()].find(info => nameOf(info) === name)
    if (!found) throw new Error(`The bucket has no ${name}`)
    return found
  }

  async function clear(): Promise<void> {
    const keys: string[] = []
    for await (const {key} of world.bucket.list('')) {
      if (!key.startsWith('heroku/') || key.startsWith('heroku/cache/')) keys.push(key)
    }

    await world.bucket.delete(keys)
  }

  it('makes the next build do what changed and nothing else', async () => {
    const first = await build(world, project('change', 'right'))
    expect(first, first.output + first.log).to.include({status: 0})
    expect(first.built).to.deep.equal(['app', 'base', 'left', 'right'])
    expect(first.saved).to.match(/^saved 8 paths, \S+ kB$/)
    await expectConsistent()

    const second = await build(world, project('change', 'changed'))
    expect(second, second.output + second.log).to.include({status: 0})
    expect(second.built).to.deep.equal(['app', 'right'])
    expect(second.copied).to.deep.equal(['base from bucket', 'left from bucket'])
    // right.sh is another source.
    expect(second.saved).to.match(/^saved 3 paths, \S+ B \(5 already there\)$/)
    await expectConsistent()
  })

  it('loses nothing that was saved when the dyno is killed', async () => {
    await using gate = await Gate.build()
    const files = projectOf({
      one: {script: MAKE('one')}, two: {script: `${MAKE('two')}echo $one > $out/one\n`, inputs: ['one']},
      three: {script: `curl --silent ${gate.url}; ${MAKE('three')}echo $two > $out/two\n`, inputs: ['two']},
    })
    const order = await world.order(files)
    const running = world.start(order)
    await gate.arrived
    await saved('two')
    running.dyno.kill()
    await running.ended
    await expectConsistent()

    gate.open()
    const again = await build(world, files)
    expect(again, again.output + again.log).to.include({status: 0})
    expect(again.built).to.deep.equal(['three'])
  })

  it('gets what was built before a SIGTERM, and the record says interrupted', async () => {
    await using gate = await Gate.build()
    const files = projectOf({
      early: {script: MAKE('early')}, late: {script: `curl --silent ${gate.url}; ${MAKE('late')}echo $early > $out/early\n`, inputs: ['early']},
    })
    // The path is saved late, so that SIGTERM finds it unsaved.
    world.faults.inject({method: 'PUT', path: /\/nar\//, times: 3, effect: {kind: 'status', status: 503}})
    const order = await world.order(files)
    const running = world.start(order)
    await gate.arrived
    running.dyno.stop()
    const stopped = await finish(world, order, running)
    expect(stopped.status).to.equal(6)
    expect(stopped.log).to.match(/saved \d+ paths?/)
    expect((await world.records.require(order.id)).record).to.have.property('state', 'interrupted')

    gate.open()
    const again = await build(world, files)
    expect(again.built, again.output + again.log).to.deep.equal(['late'])
  })

  it('gets no more when the network is lost, and the next build goes on from what it had', async () => {
    await using gate = await Gate.build()
    const files = projectOf({
      before: {script: MAKE('before')}, after: {script: `curl --silent ${gate.url}; ${MAKE('after')}echo $before > $out/before\n`, inputs: ['before']},
      last: {script: 'mkdir $out; echo $after > $out/after\n', inputs: ['after']},
    })
    const order = await world.order(files)
    const running = world.start(order)
    await gate.arrived
    await saved('before')
    await world.faults.setDown(true)
    gate.open()
    while (!running.output().includes('Trying again in')) await delay(50)
    running.dyno.stop()
    expect((await running.ended).status, running.output()).to.equal(6)
    expect(running.output()).to.include('The bucket could not be told')
    await world.faults.setDown(false)
    await expectConsistent()

    const again = await build(world, files)
    expect(again, again.output + again.log).to.include({status: 0})
    expect(again.built).to.deep.equal(['after', 'last'])
  })

  it('keeps what was finished when a builder wants more memory than the dyno has', async function () {
    if (!world.limitsMemory) this.skip()
    const files = projectOf({
      modest: {script: MAKE('modest')},
      greedy: {script: `perl -e 'my $all = "x" x (900 * 2 ** 20)' && ${MAKE('greedy')}echo $modest > $out/modest\n`, inputs: ['modest']},
    })
    const order = await world.order(files)
    const killed = await finish(world, order, world.start(order, {memory: 768 * 1024 ** 2}))
    expect(killed.status, killed.output + killed.log).to.equal(5)
    expect(killed.built).to.deep.equal(['greedy', 'modest'])
    await expectConsistent()

    const larger = await build(world, files)
    expect(larger, larger.output + larger.log).to.include({status: 0})
    expect(larger.built).to.deep.equal(['greedy'])
  })

  it('is refused, named and mended where somebody changed it', async () => {
    const refused = (path: string) => `${path.slice(11, 43)}.narinfo in bucket example-bucket is refused: `
    await clear()
    await build(world, project('tampered', 'right'))
    const [left, base] = [await infoOf('left'), await infoOf('base')]
    await world.bucket.put(left.url, Buffer.from('not a NAR'))
    const second = await build(world, project('tampered', 'changed'))
    expect(second, second.output + second.log).to.include({status: 0})
    expect(second.built).to.deep.equal(['app', 'left', 'right'])
    expect(second.copied.filter(path => !path.startsWith('left'))).to.deep.equal(['base from bucket'])
    expect(second.log).to.include(`${refused(left.storePath)}its`)
    await expectConsistent()

    const forged = signNarInfo({...base, signatures: []}, {...OTHER_KEY, name: world.signingKey.name})
    await world.bucket.put(`${base.storePath.slice(11, 43)}.narinfo`, Buffer.from(printNarInfo(forged)))
    await world.bucket.delete([left.url])
    const third = await build(world, project('tampered', 'again'))
    expect(third, third.output + third.log).to.include({status: 0})
    expect(third.built).to.deep.equal(['app', 'base', 'left', 'right'])
    expect(third.log).to.include(`${refused(base.storePath)}the signature of example-app-1 on ${base.storePath} is forged.`)
    expect(third.log).to.include(`${refused(left.storePath)}its NAR ${left.url} is not there.`)
    await expectConsistent()
  })

  it('cannot be taken away by flags, whatever they say', async () => {
    const buildFlags = '--option substituters "" --option binary-caches "" --substituters http://127.0.0.1:9 --no-substitute '
      + '--option substitute false --option build-use-substitutes false --option post-build-hook ""'
    await build(world, project('taken', 'right'))
    const ran = await build(world, project('taken', 'taken away'), {buildFlags})
    expect(ran, ran.output + ran.log).to.include({status: 0})
    expect(ran.built).to.deep.equal(['app', 'right'])
    expect(ran.copied).to.deep.equal(['base from bucket', 'left from bucket'])
    expect(ran.saved).to.match(/^saved [23] paths, /)
  })

  describe('with a cache upstream', () => {
    let upstream: Server
    let url: string
    let objects: Map<string, Buffer>
    before(async function () {
      if (!hasTools()) this.skip()
      upstream = createServer((request, response) => {
        const body = objects.get(request.url?.slice(1) ?? '')
        response.writeHead(body ? 200 : 404).end(body)
      })
      upstream.listen(0, '127.0.0.1')
      await once(upstream, 'listening')
      url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
    })
    beforeEach(async () => {
      // What a build saves, signed by another key, in another place, and no longer in the bucket.
      await clear()
      await build(world, project('upstream', 'right'))
      objects = new Map([['nix-cache-info', Buffer.from('StoreDir: /nix/store\n')]])
      for (const [key, info] of await narInfosOf(world.bucket)) {
        objects.set(info.url, (await world.bucket.read(info.url, {maxBytes: 2 ** 20}))?.bytes ?? Buffer.alloc(0))
        objects.set(key, Buffer.from(printNarInfo(signNarInfo({...info, signatures: []}, OTHER_KEY))))
      }

      await clear()
    })
    after(() => {
      (upstream as Server | undefined)?.close()
    })

    it('copies what passes by, its bytes and signatures, and signs it too', async () => {
      const buildFlags = `--option extra-binary-caches ${url} --option extra-trusted-public-keys ${formatPublicKey(OTHER_KEY.publicKey)}`
      const ran = await build(world, project('upstream', 'changed'), {buildFlags})
      expect(ran.built, ran.output + ran.log).to.deep.equal(['app', 'right'])
      expect(ran.copied).to.deep.equal([`base from ${url.slice(7).replace(':', '-')}`, `left from ${url.slice(7).replace(':', '-')}`])
      expect(ran.saved).to.match(/2 from upstream\)$/)
      const left = await infoOf('left')
      expect(left.signatures.map(signature => signature.split(':')[0])).to.deep.equal(['cache.example.org-1', 'example-app-1'])
      expect((await world.bucket.read(left.url, {maxBytes: 2 ** 20}))?.bytes).to.deep.equal(objects.get(left.url))
      await expectConsistent()

      const skipped = await build(world, project('upstream', 'again'), {buildFlags: ''})
      expect(skipped.copied, skipped.log).to.deep.equal(['base from bucket', 'left from bucket'])
    })

    it('leaves it where it is when NIX_CACHE_UPSTREAM is skip', async () => {
      const buildFlags = `--option extra-binary-caches ${url} --option extra-trusted-public-keys ${formatPublicKey(OTHER_KEY.publicKey)}`
      const ran = await build(world, project('upstream', 'changed'), {buildFlags, env: {NIX_CACHE_UPSTREAM: 'skip'}})
      expect(ran.built, ran.output + ran.log).to.deep.equal(['app', 'right'])
      expect([...(await narInfosOf(world.bucket)).values()].map(nameOf)).to.include('right').and.not.to.include('left')
      await expectConsistent(path => objects.has(`${path.slice('/nix/store/'.length, '/nix/store/'.length + 32)}.narinfo`))
    })

    for (const [what, more] of [['', ''], [', with require-sigs off too', ' --option require-sigs false']] as const) {
      it(`names cache, key and option where the key is not trusted, and builds${what}`, async () => {
        const ran = await build(world, project('upstream', 'changed'), {buildFlags: `--option extra-binary-caches ${url}${more}`})
        expect(ran.built, ran.output + ran.log).to.deep.equal(['app', 'base', 'left', 'right'])
        expect(ran.log.replaceAll(/\s+!?\s*/g, ' ')).to.include(`${url} signs with cache.example.org-1, which is not trusted, so nothing is taken from there. Try: --option extra-trusted-public-keys`)
      })
    }
  })
})
