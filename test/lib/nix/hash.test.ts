import {expect} from 'chai'
import {createHash} from 'node:crypto'
import {encodeBase32} from '../../../src/lib/nix/base32.ts'
import {parseNixHash} from '../../../src/lib/nix/hash.ts'

const SUM = createHash('sha256').update('text').digest()

describe('a hash', () => {
  for (const [what, text, algorithm] of [
    ['base-16', SUM.toString('hex'), 'sha256'],
    ["Nix's base-32", encodeBase32(SUM), 'sha256'],
    ['base-64', SUM.toString('base64'), 'sha256'],
    ['SRI', `sha256-${SUM.toString('base64')}`, ''],
    ['SRI without an algorithm beside it', `sha256-${SUM.toString('base64')}`, undefined],
    ['a prefix', `sha256:${encodeBase32(SUM)}`, undefined],
  ] as const) {
    it(`is read in ${what}`, () => {
      expect(parseNixHash(text, algorithm)).to.deep.equal({algorithm: 'sha256', bytes: SUM})
    })
  }

  for (const [what, text, algorithm, message] of [
    ['no algorithm', SUM.toString('hex'), '', 'has no algorithm that Nix knows'],
    ['another length', SUM.toString('hex').slice(1), 'sha256', 'has a wrong length for sha256'],
    ['another algorithm', SUM.toString('hex'), 'sha1', 'has a wrong length for sha1'],
  ] as const) {
    it(`is refused with ${what}`, () => {
      expect(() => parseNixHash(text, algorithm)).to.throw(`hash "${text}" ${message}`)
    })
  }
})
