import {expect} from 'chai'
import {parseRegistrations} from '../../src/dyno/build/closure.ts'
import {describeFailure, interrupted} from '../../src/dyno/build/describe-failure.ts'
import {nixBuildArguments} from '../../src/dyno/build/nix-build-arguments.ts'
import {substituterArguments, substituterSettings} from '../../src/dyno/build/substituters.ts'
import {plural} from '../../src/lib/output/plural.ts'
import {EXIT, NixError} from '../../src/lib/errors.ts'
import {buildTarget, filesNamed} from '../../src/lib/source/build-target.ts'
import {parseRecord} from '../../src/lib/build/parse-record.ts'
import {formatPublicKey} from '../../src/lib/signing/nix-key.ts'
import {FAILED, KEY, storePath} from '../lib/build/records.ts'

describe('nix-build\'s arguments', () => {
  const base = ['--out-link', '/app/result', '--max-jobs', '2', '--cores', '1']
  const build = (flags: string) => nixBuildArguments({target: buildTarget(filesNamed(['default.nix']), flags), jobs: 2, cores: 1, outLink: '/app/result'})

  for (const [flags, words] of [
    ['', []],
    ['  \n', []],
    ['-A app', ['-A', 'app']],
    ['--arg x "a b" --argstr y \'c d\'', ['--arg', 'x', 'a b', '--argstr', 'y', 'c d']],
    ['--argstr x $(reboot) --arg y "`ls`" --argstr z $HOME*', ['--argstr', 'x', '$(reboot)', '--arg', 'y', '`ls`', '--argstr', 'z', '$HOME*']],
    ['-j 8', ['-j', '8']],
  ] as const) {
    it(`end with NIX_BUILD_FLAGS ${JSON.stringify(flags)}, split and not evaluated`, () => {
      expect(build(flags)).to.deep.equal([...base, ...words])
    })
  }
})

describe('substituters', () => {
  it('are given up in seconds where there is no network', () => {
    const {fallback, 'connect-timeout': connect, 'download-attempts': attempts} = substituterSettings({urls: [], trusted: [], postBuildHook: '/hook'})
    expect(fallback).to.equal('true')
    expect(Number(connect) * Number(attempts)).to.be.at.most(15)
  })

  it('are the cache\'s own, used and told of what was built, whatever came before', () => {
    expect(substituterArguments({urls: ['http://127.0.0.1:1/bucket', 's3://other'], trusted: [KEY.publicKey], postBuildHook: '/hook'})).to.deep.equal([
      '--option', 'substituters', 'http://127.0.0.1:1/bucket s3://other', '--option', 'trusted-public-keys', formatPublicKey(KEY.publicKey),
      '--option', 'substitute', 'true', '--option', 'post-build-hook', '/hook',
    ])
  })
})

describe('the closure, as nix-store --dump-db has it', () => {
  const [app, libc] = [storePath('b', 'app'), storePath('a', 'libc')]
  const HASH = '0000000000000000000000000000000000000000000000000000000000000000'
  const dump = `${app}\n${HASH}\n744\n${storePath('d', 'app.drv')}\n2\n${app}\n${libc}\n${libc}\n${HASH}\n120\n\n0\n`

  it('is read, sorted, with what made the result', () => {
    const narHash = `sha256:${'0'.repeat(52)}`
    expect(parseRegistrations(dump, app)).to.deep.equal({
      drvPath: storePath('d', 'app.drv'),
      paths: [{path: libc, narHash, narSize: 120, references: []}, {path: app, narHash, narSize: 744, references: [libc, app]}],
    })
  })

  it('of a result whose maker is not known has none', () => {
    expect(parseRegistrations(dump, libc).drvPath).to.equal(null)
  })

  for (const [what, text] of [['cut off in a line', dump.slice(0, -3)], ['cut off after a line', dump.split('\n').slice(0, 6).join('\n') + '\n'], ['no such list', 'error: x\n']] as const) {
    it(`is refused when it is ${what}`, () => {
      expect(() => parseRegistrations(text, app)).to.throw('Nix\'s list of the closure')
    })
  }
})

describe('a failure\'s description', () => {
  it('has the error\'s code, words and exit status, and nix-build\'s', () => {
    const error = new NixError('nix-build failed.', {code: 'NIX_BUILD_FAILED', exit: EXIT.buildFailed, suggestions: ['next'], cause: {exitStatus: 100}})
    expect(describeFailure(error, [])).to.deep.equal({
      state: 'failed', exit: 5, failure: {code: 'NIX_BUILD_FAILED', message: 'nix-build failed.', exitStatus: 100, suggestions: ['next']},
    })
  })

  it('of a dyno that was told to stop is an interruption', () => {
    expect(describeFailure(interrupted(), [])).to.deep.include({state: 'interrupted', exit: 6})
  })

  it('of anything else is a bug to report', () => {
    expect(describeFailure(new TypeError('x is undefined'), [])).to.deep.include({state: 'failed', exit: 1})
  })

  it('can be written whatever a program said: no secret, no control characters, not too long', () => {
    const error = new NixError(`\u001B[31msecret-value\u0000${'x'.repeat(20_000)}`, {code: 'X', exit: 1, suggestions: ['secret-value\nsecond line']})
    const {failure} = describeFailure(error, ['secret-value'])
    expect(failure.message).to.match(/^\[31m\[hidden\]x+$/)
    expect(failure.suggestions).to.deep.equal(['[hidden] second line'])
    expect(() => parseRecord({...FAILED, failure}, 'key')).not.to.throw()
  })
})

describe('figures', () => {
  it('have their plural', () => {
    expect([0, 1, 2].map(count => plural(count, 'file'))).to.deep.equal(['0 files', '1 file', '2 files'])
  })
})
