import {expect} from 'chai'
import {logOf} from './support/log-of.ts'
import {hasTools, makeWorld, type World} from './support/world.ts'

const FLAKE = `{
  outputs = { self }: let
    package = name: derivation {
      inherit name; system = "x86_64-linux"; builder = "/bin/sh";
      args = [ "-c" "export PATH=/usr/bin; mkdir -p $out/bin; cp $src/hello $out/bin/hello; echo built $(basename $src)" ];
      src = self;
    };
  in {
    packages.x86_64-linux = { default = package "hello"; web = package "web"; };
    checks.x86_64-linux.web = throw "this is not to be built";
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

  const build = async (files: Record<string, string>, buildFlags: string) => {
    const order = await world.order({'flake.nix': FLAKE, hello: '#!/bin/sh\necho hello\n', ...files}, {buildFlags})
    const running = world.start(order, {env: {NIX_BUILD_FLAGS: buildFlags}})
    const {status} = await running.ended
    const {record} = await world.records.require(order.id)
    return {status, output: await logOf(world, order), result: record.state === 'succeeded' ? record.outcome.result : null}
  }

  it('gives its default package where there is no default.nix', async () => {
    const {status, output, result} = await build({}, '')
    expect(status, output).to.equal(0)
    expect(result).to.match(/^\/nix\/store\/[0-9a-z]{32}-hello$/)
    // The name of the folder is part of the source's hash: it is the same however the build was started.
    expect(output).to.match(/built [0-9a-z]{32}-source/)
  })

  it('gives the package that NIX_BUILD_FLAGS name as .#web, although there is a default.nix', async () => {
    const {status, output, result} = await build({'default.nix': 'throw "this is not to be built"'}, '.#web')
    expect(status, output).to.equal(0)
    expect(result).to.match(/-web$/)
  })

  it('that lacks the package ends with Nix\'s own words', async () => {
    const {status, output} = await build({}, '.#wob')
    expect(status).to.equal(5)
    expect(output).to.include('attribute \'wob\' in selection path \'wob\' not found').and.to.include('web')
  })
})
