import {expect} from 'chai'
import {keys} from '../../src/lib/bucket/keys.ts'
import type {SucceededBuild} from '../../src/lib/build/record.ts'
import {APP, hasTools, makeWorld, type World} from './support/world.ts'

/** Its own path gets compressed, as its builder sees it: /app/.nixs/HASH-hello. */
const project = (name: string) => ({
  'default.nix': `derivation {
    name = "${name}"; system = "x86_64-linux"; builder = "/bin/sh";
    args = [ "-c" "export PATH=/usr/bin; mkdir -p $out/share; echo dir $out | gzip > $out/share/conf.gz" ];
  }\n`,
})

describe('a build whose output holds compressed store paths', function () {
  this.timeout(180_000)
  let world: World
  before(async function () {
    if (!hasTools()) this.skip()
    world = await makeWorld()
  })
  after(async () => {
    // Nothing was started where the test was skipped.
    await (world as World | undefined)?.close()
  })

  async function build(name: string, env: Record<string, string> = {}): Promise<{record: SucceededBuild; log: string; hash: string}> {
    const order = await world.order(project(name))
    const running = world.start(order, {env})
    expect({...await running.ended, output: running.output()}).to.include({status: 0})
    const {record} = await world.records.require(order.id)
    if (record.state !== 'succeeded') throw new Error(record.state)
    const segments: string[] = []
    for await (const {key} of world.bucket.list(keys.log(APP, order.id, 1).slice(0, -6))) {
      segments.push((await world.bucket.read(key, {maxBytes: 2 ** 24}))?.bytes.toString() ?? '')
    }

    return {record, log: segments.join(''), hash: record.outcome.result.slice('/nix/store/'.length).slice(0, 32)}
  }

  it('names them in log and record, and keeps the output out of the cache that others read', async () => {
    const {record: {outcome}, log, hash} = await build('hello')
    expect(outcome.tainted).to.deep.equal([{path: outcome.result, file: 'share/conf.gz', inside: [], offset: 4}])
    expect(log).to.include(`${hash}-hello/share/conf.gz @ 4`).and.to.include('NIX_CACHE_TAINTED=publish')
    expect([await world.bucket.head(keys.narinfo(hash)), (await world.bucket.head(keys.ownCache(keys.narinfo(hash)))) !== null]).to.deep.equal([null, true])
  })

  it('names them and puts the output into that cache all the same when NIX_CACHE_TAINTED is publish', async () => {
    const {record: {outcome}, hash} = await build('published', {NIX_CACHE_TAINTED: 'publish'})
    expect(outcome.tainted).to.deep.equal([{path: outcome.result, file: 'share/conf.gz', inside: [], offset: 4}])
    expect([(await world.bucket.head(keys.narinfo(hash))) !== null, await world.bucket.head(keys.ownCache(keys.narinfo(hash)))]).to.deep.equal([true, null])
  })
})
