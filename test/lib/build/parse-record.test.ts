import {expect} from 'chai'
import {parseRecord} from '../../../src/lib/build/parse-record.ts'
import {FAILED, hex, PENDING, RUNNING, storePath, SUCCEEDED} from './records.ts'

describe('parseRecord', () => {
  for (const record of [PENDING, RUNNING, SUCCEEDED, FAILED]) {
    it(`takes a ${record.state} build as it was written`, () => {
      expect(parseRecord(JSON.parse(JSON.stringify(record)), 'key')).to.deep.equal(record)
    })
  }

  const {outcome} = SUCCEEDED
  const left = {path: storePath('a', 'hello'), file: 'share/a.tar.gz', inside: ['a/text'], offset: 3}
  it('takes what was found in outputs and in the slug', () => {
    const record = {...SUCCEEDED, outcome: {...outcome, tainted: [left], unrewritten: [{...left, file: '', inside: []}]}}
    expect(parseRecord(JSON.parse(JSON.stringify(record)), 'key')).to.deep.equal(record)
  })

  const hostile: readonly [what: string, value: unknown, field: string][] = [
    ['nothing', null, 'the whole'],
    ['another version', {...PENDING, version: 2}, 'version'],
    ['a field nobody knows', {...PENDING, command: 'rm'}, 'command'],
    ['an id that is a path', {...PENDING, id: '../../20261123-093000-ab12'}, 'id'],
    ['an app with a slash', {...PENDING, app: 'a/b'}, 'app'],
    ['a short digest', {...PENDING, source: {...PENDING.source, sha256: 'abc'}}, 'source.sha256'],
    ['a commit that is an option', {...PENDING, source: {...PENDING.source, commit: '--upload-pack=x'}}, 'source.commit'],
    ['flags that move the cursor', {...PENDING, buildFlags: '\u001B[2J'}, 'buildFlags'],
    ['a message that moves the cursor', {...FAILED, failure: {...FAILED.failure, message: '\u001B]0;x\u0007'}}, 'failure.message'],
    ['a suggestion of two lines', {...FAILED, failure: {...FAILED.failure, suggestions: ['a\nb']}}, 'failure.suggestions.0'],
    ['a negative number of segments', {...RUNNING, logSegments: -1}, 'logSegments'],
    ['a result outside the store', {...SUCCEEDED, outcome: {...outcome, result: '/etc/passwd'}}, 'outcome.result'],
    ['a result inside a store path', {...SUCCEEDED, outcome: {...outcome, result: `${outcome.result}/bin`}}, 'outcome.result'],
    ['a store path that leads out', {...SUCCEEDED, outcome: {...outcome, result: `${storePath('a', 'x')}/../y`}}, 'outcome.result'],
    ['a program that a shell would take apart', {...SUCCEEDED, outcome: {...outcome, programs: ['a;b']}}, 'outcome.programs.0'],
    ['programs that are not sorted', {...SUCCEEDED, outcome: {...outcome, programs: ['b', 'a']}}, 'outcome.programs'],
    ['a closure that is not sorted', {...SUCCEEDED, outcome: {...outcome, closure: outcome.closure.toReversed()}}, 'outcome.closure'],
    ['a closure with a path twice', {...SUCCEEDED, outcome: {...outcome, closure: [outcome.closure[0], outcome.closure[0]]}}, 'outcome.closure'],
    ['a layer under another key', {...SUCCEEDED, outcome: {...outcome, layer: {...outcome.layer, key: `heroku/layers/${hex('9')}.tar.gz`}}}, 'outcome.layer'],
    ['a signature with a line break', {...SUCCEEDED, signature: `${SUCCEEDED.signature}\n`}, 'signature'],
    ['no signature', {...SUCCEEDED, signature: undefined}, 'signature'],
    ['a member that moves the cursor', {...SUCCEEDED, outcome: {...outcome, tainted: [{...left, inside: ['\u001B[2J']}]}}, 'outcome.tainted.0.inside.0'],
    ['more finds than anybody reads', {...SUCCEEDED, outcome: {...outcome, unrewritten: Array(501).fill(left)}}, 'outcome.unrewritten'],
    ['a find with a field nobody knows', {...SUCCEEDED, outcome: {...outcome, tainted: [{...left, command: 'rm'}]}}, 'outcome.tainted.0.command'],
    ['an outcome although it failed', {...FAILED, outcome}, 'outcome'],
  ]
  for (const [what, value, field] of hostile) {
    it(`refuses ${what}`, () => {
      expect(() => parseRecord(value, 'heroku/apps/a/builds/b/build.json')).to.throw(`heroku/apps/a/builds/b/build.json is not a build record: ${field}: `).with.property('code', 'BAD_RECORD')
    })
  }
})
