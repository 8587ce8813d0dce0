import {expect} from 'chai'
import {createHash} from 'node:crypto'
import {once} from 'node:events'
import http from 'node:http'
import type {AddressInfo} from 'node:net'
import {hasTools, makeWorld, type World} from './support/world.ts'

const TEXT = 'what was asked for\n'
const SUM = createHash('sha256').update(TEXT).digest('hex')

describe('builtin:fetchurl in a build with flags', function () {
  this.timeout(180_000)
  let world: World
  const asked: [string | undefined, string | undefined][] = []
  const mirror = http.createServer((request, response) => {
    asked.push([request.url, request.headers.authorization])
    response.end(TEXT)
  })
  before(async function () {
    if (!hasTools()) this.skip()
    world = await makeWorld()
    await once(mirror.listen(0, '127.0.0.1'), 'listening')
  })
  after(async () => {
    mirror.close()
    // Nothing was started where the test was skipped.
    await (world as World | undefined)?.close()
  })

  it('asks the mirrors and takes the credentials that NIX_BUILD_FLAGS names', async () => {
    const buildFlags = `--option hashed-mirrors http://127.0.0.1:${(mirror.address() as AddressInfo).port}/m --netrc-file /app/.nix-build/source/netrc`
    const order = await world.order({
      'default.nix': `derivation {
        name = "fetched"; system = "builtin"; builder = "builtin:fetchurl"; url = "http://127.0.0.1:9/never";
        outputHashMode = "flat"; outputHashAlgo = "sha256"; outputHash = "${SUM}"; preferLocalBuild = true;
      }\n`,
      netrc: 'machine 127.0.0.1 login me password word\n',
    }, {buildFlags})
    const running = world.start(order, {env: {NIX_BUILD_FLAGS: buildFlags}})
    expect({...await running.ended, output: running.output()}).to.include({status: 0})
    expect(asked).to.deep.equal([[`/m/sha256/${SUM}`, `Basic ${Buffer.from('me:word').toString('base64')}`]])
  })
})
