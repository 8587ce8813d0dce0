import {expect} from 'chai'
import {formatPublicKey, formatSecretKey, isSignedBy, makeSecretKey, parsePublicKey, parseSecretKey, signText} from '../../../src/lib/signing/nix-key.ts'

// RFC 8032, section 7.1, test 2: the message is one byte, which is "r" in ASCII.
const SEED = Buffer.from('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb', 'hex')
const PUBLIC = Buffer.from('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c', 'hex')
const SIGNATURE = Buffer.from('92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00', 'hex')

describe('nix-key', () => {
  const key = makeSecretKey('example-1', SEED)

  it('derives the public key that RFC 8032 gives for its seed', () => {
    expect(formatPublicKey(key.publicKey)).to.equal(`example-1:${PUBLIC.toString('base64')}`)
  })

  it('makes the signature that RFC 8032 gives', () => {
    expect(signText('r', key)).to.equal(`example-1:${SIGNATURE.toString('base64')}`)
  })

  it('reads back the secret key it wrote, which holds the seed and the public key as Nix has it', () => {
    const text = formatSecretKey(key)
    expect(text).to.equal(`example-1:${Buffer.concat([SEED, PUBLIC]).toString('base64')}`)
    expect(parseSecretKey(`${text}\n`)).to.deep.equal(key)
  })

  it('accepts its own signature and refuses another text, key or name', () => {
    const other = makeSecretKey('example-1', Buffer.alloc(32, 7))
    const signature = signText('text', key)
    expect(isSignedBy('text', signature, key.publicKey)).to.equal(true)
    expect(isSignedBy('text!', signature, key.publicKey)).to.equal(false)
    expect(isSignedBy('text', signature, other.publicKey)).to.equal(false)
    expect(isSignedBy('text', signature.replace('example-1', 'example-2'), key.publicKey)).to.equal(false)
    expect(isSignedBy('text', 'example-1:', key.publicKey)).to.equal(false)
  })

  for (const [what, text] of [
    ['no name', SEED.toString('base64')],
    ['a public key', `example-1:${PUBLIC.toString('base64')}`],
    ['halves that do not belong together', `example-1:${Buffer.concat([SEED, SEED]).toString('base64')}`],
    ['nothing', ''],
  ] as const) {
    it(`refuses a NIX_SIGNING_KEY with ${what}, without showing it`, () => {
      expect(() => parseSecretKey(text)).to.throw('NIX_SIGNING_KEY is not a Nix secret key').that.satisfies((error: Error) => text === '' || !error.message.includes(text))
    })
  }

  it('refuses what is no public key', () => {
    expect(() => parsePublicKey('example-1:AAAA')).to.throw('"example-1:AAAA" is not a Nix public key (name:base64 of 32 bytes).')
  })
})
