import {expect} from 'chai'

import {installedBy} from '../../../standin/image/apt.ts'
import {counterpart} from '../../../standin/image/counterparts.ts'
import {upstreamVersion} from '../../../standin/image/differences.ts'

describe('the counterpart of a package', () => {
  for (const {wanted, available, name, why} of [
    {why: 'has the same name', wanted: 'bash', available: ['bash'], name: 'bash'},
    {why: 'may lack the suffix of the 64-bit time transition', wanted: 'libssl3t64', available: ['libssl3'], name: 'libssl3'},
    {why: 'may be listed', wanted: 'libjpeg8', available: ['libjpeg62-turbo'], name: 'libjpeg62-turbo'},
    {why: 'may be of another version, the newest', wanted: 'libicu74', available: ['libicu9', 'libicu72', 'libicu-dev'], name: 'libicu72'},
    {why: 'may differ in more than the last number', wanted: 'libperl5.38t64', available: ['libperl6.2'], name: 'libperl6.2'},
    {why: 'keeps all numbers but the last where it can', wanted: 'libx265-199', available: ['libx264-164', 'libx265-215'], name: 'libx265-215'},
    {why: 'is no longer name that only begins the same', wanted: 'libraw23t64', available: ['libraw1394-11', 'libraw20'], name: 'libraw20'},
    {why: 'may have letters that mean something in a pattern', wanted: 'libstdc++6', available: ['libstdcc7', 'libstdc++5'], name: 'libstdc++5'},
  ]) {
    it(why, () => {
      expect(counterpart(wanted, new Set(available))).to.deep.equal({kind: name === wanted ? 'same' : 'other', wanted, name})
    })
  }

  it('may be named with the stack, or not exist, which has a reason', () => {
    expect(counterpart('gnu-coreutils', new Set(['coreutils']), {renamed: {'gnu-coreutils': ['coreutils']}})).to.deep.equal({kind: 'other', wanted: 'gnu-coreutils', name: 'coreutils'})
    expect(counterpart('login.defs', new Set(['bash']), {absent: {'login.defs': 'a part of login'}})).to.deep.equal({kind: 'none', wanted: 'login.defs', reason: 'a part of login'})
    expect(counterpart('keyboxd', new Set(['bash']))).to.deep.equal({kind: 'none', wanted: 'keyboxd', reason: 'a part of GnuPG 2.4 and newer'})
  })
})

describe("apt's answers", () => {
  it('are read from its simulation', () => {
    const plan = [
      'Inst gcc-12-base (12.2.0-14+deb12u1 Debian:12.11/oldstable [amd64])',
      'Inst bind9-libs (1:9.18.33-1~deb12u2 Debian:12.11/oldstable, Debian-Security:12/oldstable-security [amd64]) []',
      'Conf gcc-12-base (12.2.0-14+deb12u1 Debian:12.11/oldstable [amd64])',
      'Inst tzdata (2025b-0+deb12u1 Debian:12.11/oldstable [all])',
    ].join('\n')
    expect(installedBy(plan)).to.deep.equal([
      {name: 'gcc-12-base', version: '12.2.0-14+deb12u1', architecture: 'amd64'},
      {name: 'bind9-libs', version: '1:9.18.33-1~deb12u2', architecture: 'amd64'},
      {name: 'tzdata', version: '2025b-0+deb12u1', architecture: 'all'},
    ])
  })

  for (const [version, upstream] of [
    ['1:9.2p1-2+deb12u7', '9.2p1'], ['5.6.1+really5.4.5-1ubuntu0.2', '5.4.5'], ['1.5.4+dfsg2-5', '1.5.4'], ['1:1.2.13.dfsg-1', '1.2.13'], ['2025b-0+deb12u1', '2025b'],
    ['20250419~deb12u2', '20250419'],
  ] as const) {
    it(`hold the upstream version ${upstream} in ${version}`, () => {
      expect(upstreamVersion(version)).to.equal(upstream)
    })
  }
})
