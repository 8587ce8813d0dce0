import {execFile} from 'node:child_process'
import {cp, mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {expect} from 'chai'
import {readRunTimeScripts} from '../../../src/lib/slug/run-time-scripts.ts'
import {inTemporaryDirectory} from './trees.ts'

const SHARE = join(import.meta.dirname, '../../../buildpack/share')
const SECRETS = {NIX_S3_KEY: 'key', NIX_S3_SECRET: 'secret', NIX_SIGNING_KEY: 'signing'}

interface Ended {
  code: number
  stdout: string
  stderr: string
}

/** Runs a command as a dyno does, in a folder that is laid out as a slug. */
async function inSlug(command: string, {result = true} = {}): Promise<Ended> {
  return inTemporaryDirectory(async home => {
    await mkdir(join(home, '.heroku/nix/bin'), {recursive: true})
    await mkdir(join(home, '.profile.d'))
    for (const name of ['run_result.sh', 'run_proot.sh']) await cp(join(SHARE, name), join(home, '.heroku/nix/bin', name))
    await cp(join(SHARE, 'nix.sh'), join(home, '.profile.d/nix.sh'))
    // As Heroku's /etc/profile does.
    await writeFile(join(home, '.bash_profile'), 'for f in "$HOME"/.profile.d/*.sh; do . "$f"; done\n')
    if (result) await mkdir(join(home, 'result'))
    const env = {HOME: home, PATH: '/usr/bin:/bin', PORT: '5000', ...SECRETS}
    const text = (value: string) => value.replaceAll(home, '/app')
    return promisify(execFile)('bash', ['--login', '-c', command], {cwd: home, env}).then(
      ({stdout, stderr}) => ({code: 0, stdout: text(stdout), stderr: text(stderr)}),
      (error: unknown) => {
        const {code, stdout, stderr} = error as Ended
        return {code, stdout: text(stdout), stderr: text(stderr)}
      },
    )
  })
}

describe('the run-time scripts', () => {
  it('run a command in result/, with its arguments as they are and without our secrets', async () => {
    const {stdout, code} = await inSlug(`run_result.sh sh -c 'pwd; env | grep -c "^NIX_"; echo "$PORT $1"' sh 'a  b'`)
    expect({stdout, code}).to.deep.equal({stdout: '/app/result\n0\n5000 a  b\n', code: 0})
  })

  it('run a command where it was called, by the older name, without our secrets', async () => {
    expect(await inSlug(`run_proot.sh sh -c 'pwd; env | grep -c "^NIX_" || true'`)).to.deep.equal({code: 0, stdout: '/app\n0\n', stderr: ''})
  })

  it('become the command: its exit status is theirs, its process too', async () => {
    expect(await inSlug(`bash -c 'echo $$; exec run_result.sh sh -c "echo \\$\\$; exit 7"' | uniq | wc -l; exit "\${PIPESTATUS[0]}"`)).to.deep.equal({code: 7, stdout: '1\n', stderr: ''})
  })

  for (const script of ['run_result.sh', 'run_proot.sh']) {
    it(`say how ${script} is used when there is no command`, async () => {
      expect(await inSlug(script)).to.deep.equal({code: 2, stdout: '', stderr: `Usage: ${script} COMMAND [ARGUMENT...]\n`})
    })
  }

  it('say what to do about a slug without a result', async () => {
    const {code, stderr} = await inSlug('run_result.sh true', {result: false})
    expect(code).to.equal(1)
    expect(stderr).to.contain('run_result.sh: this slug has no result to enter. Was it made by: heroku nix:redeploy ?')
  })

  it('are read for the slug as they lie in buildpack/share', async () => {
    const {runResult, runProot, build, profile} = await readRunTimeScripts(SHARE)
    expect([runResult, runProot, build].map(text => text.split('\n')[0])).to.deep.equal(Array.from({length: 3}, () => '#!/usr/bin/env bash'))
    expect(profile).to.contain('export PATH=')
  })
})
