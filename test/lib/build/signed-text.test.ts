import {expect} from 'chai'
import {execFileSync, spawnSync} from 'node:child_process'
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import type {SucceededBuild} from '../../../src/lib/build/record.ts'
import {isRecordSignedBy, signedText, signRecord, SIGNED_TEXT_JQ, verifyRecord} from '../../../src/lib/build/signed-text.ts'
import {makeSecretKey} from '../../../src/lib/signing/nix-key.ts'
import {hex, KEY, storePath, SUCCEEDED, UNSIGNED} from './records.ts'

describe('signedText', () => {
  it('says all that a slug is made of, a line each', () => {
    expect(signedText(SUCCEEDED)).to.equal([
      'heroku-nix-build-1',
      'app example-app',
      'id 20261123-093000-ab12',
      `source ${hex('c')}`,
      `tree ${hex('a', 40)}`,
      `commit ${hex('b', 40)}`,
      'flags "-A app"',
      'engine relocate',
      `result ${storePath('a', 'hello')}`,
      'programs gunicorn,hello',
      `layer ${hex('1')} ${hex('2')} 1000 3000`,
      `listing heroku/apps/example-app/builds/20261123-093000-ab12/files.jsonl.gz ${hex('3')}`,
      `path ${storePath('a', 'hello')} sha256:${hex('a', 52)} 120 ${storePath('a', 'hello')},${storePath('b', 'glibc-2.40')}`,
      `path ${storePath('b', 'glibc-2.40')} sha256:${hex('b', 52)} 120 `,
      '',
    ].join('\n'))
  })
})

describe('a signed record', () => {
  it('is the key\'s', () => {
    expect(isRecordSignedBy(SUCCEEDED, KEY.publicKey)).to.equal(true)
    expect(() => verifyRecord(SUCCEEDED, {app: 'example-app', id: SUCCEEDED.id, key: KEY.publicKey})).not.to.throw()
  })

  const {outcome, source} = SUCCEEDED
  const tampered: readonly [what: string, record: SucceededBuild][] = [
    ['app', {...SUCCEEDED, app: 'other'}],
    ['id', {...SUCCEEDED, id: '20261123-093000-zzzz'}],
    ['source digest', {...SUCCEEDED, source: {...source, sha256: hex('e')}}],
    ['tree', {...SUCCEEDED, source: {...source, tree: hex('e', 40)}}],
    ['commit', {...SUCCEEDED, source: {...source, commit: null}}],
    ['set of flags', {...SUCCEEDED, buildFlags: ''}],
    ['engine', {...SUCCEEDED, outcome: {...outcome, engine: 'proot'}}],
    ['result', {...SUCCEEDED, outcome: {...outcome, result: storePath('b', 'glibc-2.40')}}],
    ['programs', {...SUCCEEDED, outcome: {...outcome, programs: ['evil']}}],
    ['layer', {...SUCCEEDED, outcome: {...outcome, layer: {...outcome.layer, sha256: hex('e')}}}],
    ['listing', {...SUCCEEDED, outcome: {...outcome, listing: {...outcome.listing, sha256: hex('e')}}}],
    ['closure', {...SUCCEEDED, outcome: {...outcome, closure: outcome.closure.slice(0, 1)}}],
  ]
  for (const [what, record] of tampered) {
    it(`is refused with another ${what}`, () => {
      expect(isRecordSignedBy(record, KEY.publicKey)).to.equal(false)
    })
  }

  it('is refused where it was signed for another app or build, however well', () => {
    for (const wanted of [{app: 'other', id: SUCCEEDED.id}, {app: 'example-app', id: '20261123-093000-zzzz'}]) {
      expect(() => verifyRecord(SUCCEEDED, {...wanted, key: KEY.publicKey})).to.throw(`The record of build ${wanted.id} of ${wanted.app} is not signed`).with.property('code', 'BAD_SIGNATURE')
    }
  })

  it('is refused when another key of the same name signed it', () => {
    const record = signRecord(UNSIGNED, makeSecretKey('example-app-1', Buffer.alloc(32, 2)))
    expect(isRecordSignedBy(record, KEY.publicKey)).to.equal(false)
  })

  it('can be checked with jq and openssl alone', function () {
    if (spawnSync('jq', ['--version']).status !== 0) {
      this.skip()
    }

    const dir = mkdtempSync(join(tmpdir(), 'signed-text-'))
    try {
      for (const record of [SUCCEEDED, signRecord({...UNSIGNED, source: {...source, commit: null}, buildFlags: '-A "ä b"\n\t\\ </x>'}, KEY)]) {
        const text = execFileSync('jq', ['--raw-output', SIGNED_TEXT_JQ], {input: JSON.stringify(record)})
        expect(text.toString()).to.equal(signedText(record))
        const place = (name: string, bytes: Uint8Array) => {
          writeFileSync(join(dir, name), bytes)
          return join(dir, name)
        }
        const verified = spawnSync('openssl', [
          'pkeyutl', '-verify', '-rawin', '-pubin', '-keyform', 'DER',
          '-inkey', place('key', Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), KEY.publicKey.bytes])),
          '-in', place('text', text), '-sigfile', place('signature', Buffer.from(record.signature.split(':')[1] ?? '', 'base64')),
        ])
        expect(verified.stdout.toString().trim()).to.equal('Signature Verified Successfully')
        expect(verified.status).to.equal(0)
      }
    } finally {
      rmSync(dir, {recursive: true})
    }
  })
})
