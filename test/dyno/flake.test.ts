import {expect} from 'chai'
import {FLAKE_DEFAULT_NIX, FLAKE_FLAGS} from '../../src/lib/source/check-project.ts'
import {hasTools, makeWorld, type World} from './support/world.ts'

const FLAKE = `{
  outputs = { self }: {
    packages.x86_64-linux.default = derivation {
      name = "hello"; system = "x86_64-linux"; builder = "/bin/sh";
      args = [ "-c" "export PATH=/usr/bin; mkdir -p $out/bin; cp $src/hello $out/bin/hello; echo built $(basename $src)" ];
      src = ./.;
    };
  };
}
`

describe('a flake on a jailed dyno', function () {
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

  it('is built by the default.nix and the flags that the error for a flake alone names', async () => {
    const order = await world.order({'flake.nix': FLAKE, 'default.nix': `${FLAKE_DEFAULT_NIX}\n`, hello: '#!/bin/sh\necho hello\n'}, {buildFlags: FLAKE_FLAGS})
    const running = world.start(order, {env: {NIX_BUILD_FLAGS: FLAKE_FLAGS}})
    expect({...await running.ended, output: running.output()}).to.include({status: 0, reason: 'exited'})
    const {record} = await world.records.require(order.id)
    expect(record.state).to.equal('succeeded')
    expect(running.output()).to.match(/\/nix\/store\/[0-9a-z]{32}-hello/)
  })

  it('alone is refused with what to write', async () => {
    const order = await world.order({'flake.nix': FLAKE})
    const running = world.start(order)
    expect((await running.ended).status).to.equal(4)
    expect(running.output()).to.include(FLAKE_DEFAULT_NIX)
  })
})
