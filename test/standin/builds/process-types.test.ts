import {expect} from 'chai'
import {BuildFailure} from '../../../standin/builds/failure.ts'
import {chooseProcessTypes, parseProcfile, parseRelease} from '../../../standin/builds/process-types.ts'
import {amount, timedOut} from '../../../standin/builds/words.ts'

describe('a Procfile', () => {
  for (const [what, text, types] of [
    ['has a command for each type', 'web: a --port $PORT\nworker_2-x: b: c\n', {web: 'a --port $PORT', 'worker_2-x': 'b: c'}],
    ['may have spaces around commands, and lines that end as on Windows', 'web:   a b  \r\nworker:c\r\n', {web: 'a b', worker: 'c'}],
    ['has no types in comments, empty lines and commands without a type', '# web: a\n\n./b\nweb:\nclock: d', {clock: 'd'}],
  ] as const) {
    it(what, () => {
      expect(parseProcfile(text)).to.deep.equal(types)
    })
  }
})

describe('bin/release', () => {
  for (const [what, text, types] of [
    ['may print YAML', '---\naddons: []\ndefault_process_types:\n  web: ./a\n', {web: './a'}],
    ['may print JSON', '{"default_process_types": {"web": "./a"}}', {web: './a'}],
    ['may print nothing', '', {}],
    ['may know no types', '---\ndefault_process_types:\n', {}],
  ] as const) {
    it(what, () => {
      expect(parseRelease(text, 'X')).to.deep.equal(types)
    })
  }

  for (const [what, text] of [['a list of types', 'default_process_types: [web]'], ['no YAML', 'a: b: c'], ['a number for a command', 'default_process_types: {web: 1}']] as const) {
    it(`fails the build with ${what}`, () => {
      expect(() => parseRelease(text, 'X')).to.throw(BuildFailure, 'X buildpack')
    })
  }
})

describe('process types', () => {
  it('of the Procfile hide defaults of the same name', () => {
    expect(chooseProcessTypes({web: 'own'}, {web: 'default', console: 'bash'})).to.deep.equal({
      processTypes: {web: 'own', console: 'bash'},
      output: '-----> Discovering process types\n       Procfile declares types     -> web\n       Default types for buildpack -> console\n',
    })
  })

  it('are told in one line where no default is used', () => {
    expect(chooseProcessTypes({worker: 'b', web: 'a'}, {web: 'default'}).output).to.equal(
      '-----> Discovering process types\n       Procfile declares types -> web, worker\n',
    )
  })
})

describe('what a build says', () => {
  it('shows sizes as Heroku does', () => {
    expect([500, 160_000, 36_700_160, 526_910_000].map(amount)).to.deep.equal(['0.5K', '156.3K', '35M', '502.5M'])
  })

  it('names 15 minutes at Heroku\'s limit', () => {
    expect(timedOut('Nix', 900_000)).to.contain(' !     Timed out compiling Nix app (15 minutes)\n')
  })
})
