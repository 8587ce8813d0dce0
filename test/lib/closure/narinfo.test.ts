import {expect} from 'chai'
import {MAX_NARINFO, parseNarInfo, printNarInfo} from '../../../src/lib/closure/narinfo.ts'
import {fingerprint, namedSigners, signerOf, signNarInfo} from '../../../src/lib/closure/narinfo-signature.ts'
import {HELLO, narInfo, OTHER_KEY, OWN_KEY} from './support/narinfos.ts'

describe('a narinfo', () => {
  it('prints as it was read', () => {
    expect(printNarInfo(parseNarInfo(HELLO, 'hello'))).to.equal(HELLO)
    expect(HELLO.length).to.be.below(MAX_NARINFO)
  })

  it('has what was left out as null, and compression as it was before narinfos named it', () => {
    const least = 'StorePath: /nix/store/1q8w6gl1ll0mwfkqc3c2yx005s6wwfrl-x\nURL: nar/x\nNarHash: sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73\nNarSize: 1\nReferences: \nDeriver: unknown-deriver\n'
    expect(parseNarInfo(least, 'x')).to.deep.equal(narInfo({
      storePath: '/nix/store/1q8w6gl1ll0mwfkqc3c2yx005s6wwfrl-x', url: 'nar/x', compression: 'bzip2', narSize: 1,
    }))
  })

  it('has its hash in base 32, though it was written in base 16', () => {
    const hex = '4ffd9c2a35c1bcc1bba8a4f5f6a9d64b0d0a9e7d9a1c5b8a4e3f2d1c0b9a8f7e'
    const info = parseNarInfo(HELLO.replace(/NarHash: .*/, `NarHash: sha256:${hex}`), 'hello')
    expect(info.narHash).to.match(/^sha256:[0-9a-df-np-sv-z]{52}$/)
  })

  for (const [what, from, to, message] of [
    ['is cut off', /\nCA: [^]*/, '\nCA', 'it is cut off'],
    ['has no path', /StorePath: .*\n/, '', 'it has no StorePath'],
    ['is of a path that is not a store path', /StorePath: .*/, 'StorePath: /nix/store/../etc/passwd', 'StorePath is "/nix/store/../etc/passwd"'],
    ['has two hashes', /(NarHash: .*\n)/, '$1$1', 'NarHash comes twice'],
    ['has a hash with a letter that base 32 lacks', /NarHash: .*/, `NarHash: sha256:${'e'.repeat(52)}`, `NarHash is "sha256:${'e'.repeat(52)}", which is no sha256`],
    ['has an MD5', /NarHash: .*/, 'NarHash: md5:abc', 'NarHash is "md5:abc", which is no sha256'],
    ['has a size that is no number', /NarSize: .*/, 'NarSize: -1', 'NarSize is "-1"'],
    ['refers to something else', /References: .*/, 'References: ../x', 'it refers to "../x"'],
    ['has another kind of line', /References: .*/, '<html>', 'line 8 is "<html>"'],
  ] as const) {
    it(`is refused when it ${what}`, () => {
      expect(() => parseNarInfo(HELLO.replace(from, to), 'hello')).to.throw(`Bad narinfo hello: ${message}.`)
    })
  }
})

describe('a narinfo\'s signature', () => {
  it('is over path, hash, size and sorted references', () => {
    const info = narInfo({references: ['/nix/store/2q8w6gl1ll0mwfkqc3c2yx005s6wwfrl-b', '/nix/store/1q8w6gl1ll0mwfkqc3c2yx005s6wwfrl-a']})
    expect(fingerprint(info)).to.equal('1;/nix/store/1q8w6gl1ll0mwfkqc3c2yx005s6wwfrl-hello;sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73;226552;'
      + '/nix/store/1q8w6gl1ll0mwfkqc3c2yx005s6wwfrl-a,/nix/store/2q8w6gl1ll0mwfkqc3c2yx005s6wwfrl-b')
  })

  it('is found among several, by whichever key is trusted', () => {
    const info = signNarInfo(signNarInfo(signNarInfo(narInfo(), OTHER_KEY), OWN_KEY), OWN_KEY)
    expect(info.signatures).to.have.length(2)
    expect(namedSigners(info)).to.deep.equal(['cache.example.org-1', 'example-app-1'])
    expect(signerOf(info, [OWN_KEY.publicKey])).to.equal(OWN_KEY.publicKey)
    expect(signerOf(info, [OTHER_KEY.publicKey])).to.equal(OTHER_KEY.publicKey)
  })

  it('does not hold for another hash, size, path or reference, nor for another key of that name', () => {
    const info = signNarInfo(narInfo(), OWN_KEY)
    for (const change of [
      {narHash: info.narHash.replace('0', '1')}, {narSize: 1}, {storePath: '/nix/store/2q8w6gl1ll0mwfkqc3c2yx005s6wwfrl-hello'}, {references: [info.storePath]},
    ]) {
      expect(signerOf({...info, ...change}, [OWN_KEY.publicKey]), JSON.stringify(change)).to.equal(null)
    }

    expect(signerOf(info, [{...OTHER_KEY.publicKey, name: OWN_KEY.name}])).to.equal(null)
    expect(signerOf(narInfo(), [OWN_KEY.publicKey])).to.equal(null)
  })

  it('holds wherever the NAR lies and however it is compressed', () => {
    const info = signNarInfo(narInfo(), OWN_KEY)
    expect(signerOf({...info, url: 'elsewhere', compression: 'none'}, [OWN_KEY.publicKey])).to.equal(OWN_KEY.publicKey)
  })
})
