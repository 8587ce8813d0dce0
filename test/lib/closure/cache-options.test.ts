import {expect} from 'chai'
import {cacheOptions, NIXOS_CACHE, shownUrl} from '../../../src/lib/closure/cache-options.ts'
import {formatPublicKey} from '../../../src/lib/signing/nix-key.ts'
import {OTHER_KEY} from './support/narinfos.ts'

const KEY = formatPublicKey(OTHER_KEY.publicKey)

function decided(flags: string[]) {
  const {publicKeys, ...rest} = cacheOptions(flags)
  return {...rest, publicKeys: publicKeys.map(({name}) => name)}
}

describe('the caches that NIX_BUILD_FLAGS name', () => {
  const rows: [what: string, flags: string[], expected: Partial<ReturnType<typeof decided>>][] = [
    ['are cache.nixos.org where it names none', ['-A', 'app'], {upstreams: [NIXOS_CACHE], others: [], publicKeys: ['cache.nixos.org-1']}],
    ['are added by the old buildpack\'s words', ['--option', 'extra-binary-caches', 'http://cache.example.org'], {upstreams: [NIXOS_CACHE, 'http://cache.example.org']}],
    ['are added by today\'s words, several at once', ['--extra-substituters', 'https://a.example https://b.example/x/'], {upstreams: [NIXOS_CACHE, 'https://a.example', 'https://b.example/x']}],
    ['replace the default', ['--option', 'substituters', 'https://a.example'], {upstreams: ['https://a.example']}],
    ['are none where the list is empty', ['--substituters', ''], {upstreams: []}],
    ['come once', ['--extra-substituters', 'https://cache.nixos.org/'], {upstreams: [NIXOS_CACHE]}],
    ['are left to Nix where they speak no HTTP', ['--extra-substituters', 's3://bucket?region=eu-west-1 file:///cache'], {upstreams: [NIXOS_CACHE], others: ['s3://bucket?region=eu-west-1', 'file:///cache']}],
    ['come with keys', ['--option', 'extra-trusted-public-keys', KEY], {publicKeys: ['cache.nixos.org-1', 'cache.example.org-1']}],
    ['come with keys that replace', ['--option', 'binary-cache-public-keys', KEY], {publicKeys: ['cache.example.org-1']}],
    ['are not what other options say', ['--option', 'cores', 'https://a.example', '--argstr', 'substituters', 'x'], {upstreams: [NIXOS_CACHE]}],
  ]
  for (const [what, flags, expected] of rows) {
    it(what, () => expect(decided(flags)).to.include.keys(Object.keys(expected)).and.deep.include(expected))
  }

  it('are refused where they or their keys are none', () => {
    expect(() => cacheOptions(['--extra-substituters', 'http://a^b'])).to.throw('NIX_BUILD_FLAGS names the substituter "http://a^b", which is no URL.')
    expect(() => cacheOptions(['--extra-trusted-public-keys', 'nonsense'])).to.throw('"nonsense" is not a Nix public key')
  })

  it('are shown without passwords and tokens', () => {
    expect(shownUrl('https://user:secret@cache.example.org/x?token=secret')).to.equal('https://cache.example.org/x')
    expect(shownUrl('https://cache.nixos.org')).to.equal('https://cache.nixos.org')
  })
})
