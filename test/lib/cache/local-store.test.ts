import {expect} from 'chai'
import {parsePathInfo, withoutDerivations} from '../../../src/lib/cache/local-store.ts'

const PATH = '/nix/store/z3n6ml62lc6l9glpaz6fq7fvi2rks9vq-a.txt'
const EXPECTED = {
  path: PATH, narHash: 'sha256:04zwf782yjwnh3q6hz5izfd6jyip8kgw6g6yj43fiqhbyhdd0dqw', narSize: 120, references: [], deriver: null,
  ca: 'fixed:r:sha256:04zwf782yjwnh3q6hz5izfd6jyip8kgw6g6yj43fiqhbyhdd0dqw', signatures: [],
}

describe('the paths of a local store', () => {
  // As Nix 2.8.0 and 2.34.8 print the same path.
  const printed = {
    'Nix 2.8': `[{"path":"${PATH}","narHash":"sha256-HDfQGvQL4ugGkd48w99EN3ppmvuxfGjwgJZLL9Bx/BM=","narSize":120,"references":[],"ca":"${EXPECTED.ca}","registrationTime":1795432511}]`,
    'Nix 2.34': `{"${PATH}":{"ca":"${EXPECTED.ca}","deriver":null,"narHash":"sha256-HDfQGvQL4ugGkd48w99EN3ppmvuxfGjwgJZLL9Bx/BM=","narSize":120,"references":[],"registrationTime":1795432512,"signatures":[],"storeDir":"/nix/store","ultimate":false,"version":1}}`,
  }
  for (const [name, json] of Object.entries(printed)) {
    it(`are read from what ${name} prints`, () => {
      expect(parsePathInfo(json)).to.deep.equal([EXPECTED])
    })
  }

  it('keep the signatures that they came with, and have sorted references', () => {
    const [path] = parsePathInfo(JSON.stringify([{path: PATH, narHash: EXPECTED.narHash, narSize: 1, references: [`${PATH}2`, PATH], signatures: ['a:b']}]))
    expect([path?.signatures, path?.references]).to.deep.equal([['a:b'], [PATH, `${PATH}2`]])
  })

  it('are no derivations, unless something else refers to one', () => {
    const one = (name: string, ...references: string[]) => ({...EXPECTED, path: name, references})
    const all = [one('app', 'kept.drv'), one('app.drv', 'source.drv', 'text'), one('kept.drv', 'text'), one('source.drv'), one('text')]
    expect(withoutDerivations(all).map(({path}) => path)).to.deep.equal(['app', 'kept.drv', 'text'])
    expect(withoutDerivations([one('app.drv')])).to.deep.equal([])
  })

  for (const [what, json] of [['another hash', `[{"path":"${PATH}","narHash":"md5:00","narSize":1,"references":[]}]`], ['a path that is not valid', `{"${PATH}":null}`], ['no JSON', '{']] as const) {
    it(`are not guessed from ${what}`, () => {
      expect(() => parsePathInfo(json)).to.throw()
    })
  }
})
