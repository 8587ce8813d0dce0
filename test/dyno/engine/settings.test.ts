import {expect} from 'chai'
import parseArgv from 'string-argv'
import {withFlags, type BuilderSettings} from '../../../src/dyno/engine/settings.ts'

const SETTINGS: BuilderSettings = {systemFeatures: [], hashedMirrors: [], netrcFile: null, caFile: '/certificates'}

describe("what NIX_BUILD_FLAGS says of builtin:fetchurl's settings", () => {
  for (const [flags, changes] of [
    ['-A netrc-file --option cores 2', {}],
    ['--option netrc-file /etc/netrc', {netrcFile: '/etc/netrc'}],
    ['--netrc-file secrets/netrc', {netrcFile: '/source/secrets/netrc'}],
    ['--netrc-file a --option netrc-file ""', {}],
    ['--option hashed-mirrors "https://a.test  https://b.test"', {hashedMirrors: ['https://a.test', 'https://b.test']}],
    ['--hashed-mirrors https://a.test --extra-hashed-mirrors https://b.test', {hashedMirrors: ['https://a.test', 'https://b.test']}],
    ['--hashed-mirrors https://a.test --option hashed-mirrors https://b.test', {hashedMirrors: ['https://b.test']}],
    ['--option ssl-cert-file /own', {caFile: '/own'}],
    ['--option netrc-file', {}],
  ] as const) {
    it(`is taken as Nix takes it: ${flags}`, () => {
      expect(withFlags(SETTINGS, parseArgv(flags), '/source')).to.deep.equal({...SETTINGS, ...changes})
    })
  }
})
