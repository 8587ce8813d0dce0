import {expect} from 'chai'
import fc from 'fast-check'
import {decodeBase32, encodeBase32} from '../../../src/lib/nix/base32.ts'

describe('base32', () => {
  it('writes the hash of the empty text as Nix does', () => {
    // nix-hash --type sha256 --to-base32 e3b0c442...
    const hash = Buffer.from('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 'hex')
    expect(encodeBase32(hash)).to.equal('0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73')
  })

  it('reads back what it wrote', () => {
    fc.assert(fc.property(fc.uint8Array({maxLength: 40}), bytes => {
      expect(decodeBase32(encodeBase32(bytes))).to.deep.equal(bytes)
    }))
  })

  it('refuses a letter that is none of its digits', () => {
    expect(() => decodeBase32('0e')).to.throw('not Nix base-32: "0e" has "e"')
  })

  it('refuses bits that belong to no byte', () => {
    expect(() => decodeBase32('zz')).to.throw('not Nix base-32: "zz" has bits to spare')
  })
})
