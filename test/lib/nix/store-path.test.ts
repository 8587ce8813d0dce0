import {expect} from 'chai'
import {baseNameOf, hashPartOf, isBaseName} from '../../../src/lib/nix/store-path.ts'

const HASH = '6f6had9j0i1g00p64sfs94jbm2pcfvbj'

describe('store paths', () => {
  it('have a base name', () => {
    expect(baseNameOf(`/nix/store/${HASH}-nix-2.34.8`)).to.equal(`${HASH}-nix-2.34.8`)
  })

  it('have a hash part', () => {
    expect(hashPartOf(`${HASH}-nix-2.34.8`)).to.equal(HASH)
  })

  for (const [what, path] of Object.entries({
    'a file in a store path': `/nix/store/${HASH}-nix/bin`,
    'a path of the view': `/app/.nixs/${HASH}-nix`,
    'a letter that no hash has': `/nix/store/e${HASH.slice(1)}-nix`,
    'a hash without a name': `/nix/store/${HASH}`,
    'the way up': '/nix/store/..',
  })) {
    it(`are not ${what}`, () => {
      expect(() => baseNameOf(path)).to.throw(`not a store path: "${path}"`)
    })
  }

  it('have names of at most 211 characters', () => {
    expect([isBaseName(`${HASH}-${'a'.repeat(211)}`), isBaseName(`${HASH}-${'a'.repeat(212)}`)]).to.deep.equal([true, false])
  })
})
