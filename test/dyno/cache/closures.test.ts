import {expect} from 'chai'
import {hasTools, makeWorld, type World} from '../support/world.ts'
import {build, projectOf} from './support.ts'

const COPY = (name: string) => `mkdir $out; echo "${name}" > $out/${name}; for i in $NIX_INPUTS; do ln -s $i $out/; done\n`
const chain = (text: string) => projectOf({
  base: {script: COPY('base')},
  left: {script: `${COPY('left')}echo $base > $out/base\n`, inputs: ['base']},
  right: {script: `${COPY(text)}echo $base > $out/base\n`, inputs: ['base']},
  app: {script: `mkdir $out; echo $left $right > $out/app\n`, inputs: ['left', 'right']},
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

  it('makes the next build do what changed and nothing else', async () => {
    const first = await build(world, chain('right'))
    expect(first, first.output + first.log).to.include({status: 0})
    expect(first.built).to.deep.equal(['app', 'base', 'left', 'right'])
    expect(first.saved).to.match(/^saved \d+ paths, \S+ kB$/)

    const second = await build(world, chain('changed'))
    expect(second, second.output + second.log).to.include({status: 0})
    expect(second.built).to.deep.equal(['app', 'right'])
    expect(second.copied).to.deep.equal(['base from bucket', 'left from bucket'])
  })
})
