import {expect} from 'chai'
import {layerDigest, type LayerInputs} from '../../../src/lib/slug/layer-digest.ts'

const A = {path: '/nix/store/a', narHash: 'sha256:1'}
const B = {path: '/nix/store/b', narHash: 'sha256:2'}
const INPUTS: LayerInputs = {closure: [A, B], result: A.path, slugexclude: '- *.a\n', engine: 'relocate'}

describe("a layer's digest", () => {
  it('is the same for a closure in another order, and for rules as bytes', () => {
    const digest = layerDigest(INPUTS)
    expect(digest).to.match(/^[0-9a-f]{64}$/)
    expect(layerDigest({...INPUTS, closure: [B, A], slugexclude: Buffer.from('- *.a\n')})).to.equal(digest)
  })

  it('changes with each thing that a layer is made from', () => {
    const others: LayerInputs[] = [
      INPUTS,
      {...INPUTS, closure: [A]},
      {...INPUTS, closure: [A, {...B, narHash: 'sha256:3'}]},
      {...INPUTS, closure: [A, {...B, path: '/nix/store/c'}]},
      {...INPUTS, result: B.path},
      {...INPUTS, slugexclude: null},
      {...INPUTS, slugexclude: ''},
      {...INPUTS, slugexclude: '- *.o\n'},
      {...INPUTS, engine: 'proot'},
    ]
    expect(new Set(others.map(inputs => layerDigest(inputs))).size).to.equal(others.length)
  })

  it('stays what it is: layers in buckets are found by it', () => {
    expect(layerDigest(INPUTS)).to.equal('3dabaf08a49029dcc671587766805bcece1c248424dda559a10c7b9ac3ad071d')
  })
})
