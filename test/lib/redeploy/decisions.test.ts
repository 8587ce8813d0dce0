import {expect} from 'chai'
import {NixError} from '../../../src/lib/errors.ts'
import {checkBuildpacks} from '../../../src/lib/redeploy/checks.ts'
import {parseProcfile, processTypes} from '../../../src/lib/redeploy/procfile.ts'
import {judgeWeb} from '../../../src/lib/redeploy/wait-for-web.ts'
import type {DynoInfo, ProcessType} from '../../../src/lib/platform/types.ts'

function failure(act: () => unknown): string | null {
  try {
    act()
    return null
  } catch (error) {
    return error instanceof NixError ? `${error.code} ${error.exitCode}: ${error.message}` : 'another error'
  }
}

describe('a Procfile', () => {
  it('names one command per process type, and passes over what is no such line', () => {
    const text = '# web: no\nweb: run_result.sh bin/web --port $PORT\r\nworker:bin/work  \n  indented: no\nodd type: no\nempty:\nmy-job_2:\ta: b\nweb: last\n'
    expect(parseProcfile(text)).to.deep.equal({web: 'last', worker: 'bin/work', 'my-job_2': 'a: b'})
  })

  it('is not needed for a build with one program', () => {
    expect(processTypes(null, ['hello'])).to.deep.equal({web: 'run_result.sh bin/hello'})
  })

  it('is needed for a build with several programs', () => {
    expect(failure(() => processTypes(null, ['a', 'b']))).to.equal(
      'NO_PROCFILE 4: The build has no Procfile, and of the programs in result/bin (a, b) none is the obvious one.')
  })

  it('is needed for a build without a program', () => {
    expect(failure(() => processTypes(null, []))).to.equal(
      'NO_PROCFILE 4: The build has neither a Procfile nor a program in result/bin: nothing says what to run.')
  })

  it('must name something', () => {
    expect(failure(() => processTypes('# nothing\n', ['hello']))).to.equal('EMPTY_PROCFILE 4: The Procfile of the build names no process type.')
  })
})

describe('the buildpacks of an app that nix:redeploy releases to', () => {
  const ours = 'https://github.com/heroku-nix/heroku-nix#v0.2.0'
  it('may be ours, of any version and at any mirror, and the old project\'s', () => {
    expect(failure(() => checkBuildpacks(['https://github.com/heroku-nix/heroku-nix.git', 'git@git.example.test:heroku-nix.git#v1', 'https://github.com/mayhewluke/nix-heroku-buildpack'], ours, 'a'))).to.equal(null)
  })

  it('may not be others, which are named', () => {
    expect(failure(() => checkBuildpacks(['heroku/nodejs', ours], ours, 'example-app'))).to.equal(
      'OTHER_BUILDPACKS 9: example-app has other buildpacks as well (heroku/nodejs); what they add would not be in this slug.')
  })
})

describe("a release's web dynos", () => {
  const web = (quantity: number): ProcessType[] => [{type: 'web', command: 'x', quantity, size: 'Eco'}]
  const dyno = (name: string, state: string, releaseVersion: number | null): DynoInfo =>
    ({id: name, name, command: 'x', size: 'Eco', state, type: name.split('.')[0] ?? '', releaseVersion})
  const rows: [name: string, formation: ProcessType[], dynos: DynoInfo[], expected: string][] = [
    ['are none without a web process', [{type: 'worker', command: 'x', quantity: 1, size: 'Eco'}], [], 'none'],
    ['are none when scaled to zero', web(0), [], 'none'],
    ['start while the old ones are up', web(1), [dyno('web.1', 'up', 3)], 'starting'],
    ['start until all of them are up', web(2), [dyno('web.1', 'up', 4), dyno('web.2', 'starting', 4)], 'starting'],
    ['are up', web(2), [dyno('web.1', 'up', 4), dyno('web.2', 'up', 5)], 'up'],
    ['crashed when one did', web(2), [dyno('web.1', 'up', 4), dyno('web.2', 'crashed', 4)], 'crashed'],
    ['are not judged by old ones nor by others', web(1), [dyno('web.1', 'crashed', 3), dyno('worker.1', 'crashed', 4), dyno('web.1', 'up', 4)], 'up'],
  ]
  for (const [name, formation, dynos, expected] of rows) {
    it(name, () => expect(judgeWeb(formation, dynos, 4).kind).to.equal(expected))
  }
})
