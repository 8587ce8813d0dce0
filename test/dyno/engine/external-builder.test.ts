import {expect} from 'chai'
import fs from 'node:fs'
import {nixBuildFailed} from '../../../src/dyno/build/nix-build-failed.ts'
import {nixCommand, nixEnvironment} from '../../../src/dyno/engine/nix-command.ts'
import {installInJail, nixArchive, type EngineJail} from './support/installed.ts'
import type {Ran} from './support/jail.ts'
import {processesOf} from './support/processes-of.ts'

describe('the external builder', function () {
  this.timeout(120_000)
  let jail: EngineJail
  before(async function () {
    const archive = nixArchive()
    if (archive === null) return this.skip()
    jail = await installInJail(archive, {'experimental-features': 'nix-command flakes external-builders ca-derivations'})
    fs.cpSync(`${import.meta.dirname}/fixtures`, `${jail.app}/source`, {recursive: true})
  })
  after(async () => {
    // Nothing was made where the archive is missing.
    await (jail as EngineJail | undefined)?.[Symbol.asyncDispose]()
  })

  function build(file: string, attribute: string, ...args: string[]): Promise<Ran> {
    return jail.nix('nix-build', [`source/${file}.nix`, '--attr', attribute, '--no-out-link', ...args])
  }

  async function built(file: string, attribute: string, ...args: string[]): Promise<{view: string; canonical: string; log: string}> {
    const {status, stdout, stderr} = await build(file, attribute, ...args)
    expect(status, stderr).to.equal(0)
    const name = stdout.trim().slice('/nix/store/'.length)
    return {view: `${jail.app}/.nixs/${name}`, canonical: `${jail.app}/.nix/store/${name}`, log: stderr}
  }

  for (const [attribute, status, message, who] of [
    ['status', 100, 'builder failed with exit code 3', 'builder'],
    ['signal', 100, 'builder failed due to signal 11 (Segmentation fault)', 'builder'],
    ['missing', 1, "failed to produce output path for output 'dev'", 'Nix'],
    ['fixed', 102, 'hash mismatch in fixed-output derivation', 'Nix'],
    ['disallowed', 1, 'is not allowed to refer to the following paths', 'Nix'],
    ['fifo', 100, '-fifo/pipe is not a file, a folder or a symlink: a store path cannot hold it', 'builder'],
    ['socket', 100, '-socket/socket is not a file, a folder or a symlink: a store path cannot hold it', 'builder'],
    ['feature', 100, 'this derivation needs the system feature kvm, which this dyno lacks', 'builder'],
    ['open', 1, "-open\" for output 'out'; rejecting this build output", 'Nix'],
    ['long', 100, "executing '/bin/bash': argument list too long. An attribute can have 128 KiB at the most", 'builder'],
    ['plain', 100, "-script': exec format error", 'builder'],
    ['relative', 100, "executing 'bash': no such file or directory", 'builder'],
    ['absent', 100, "executing '/no/such/builder': no such file or directory", 'builder'],
  ] as const) {
    it(`fails as Nix does, with status ${status}: ${attribute}`, async () => {
      const failed = await build('failing', attribute)
      expect([failed.status, failed.stdout, failed.stderr.includes(message) || failed.stderr]).to.deep.equal([status, '', true])
      if (who === 'Nix') return
      const outputs = [`${jail.app}/.nixs`, `${jail.app}/.nix/b`].flatMap(folder => fs.readdirSync(folder)).filter(name => name.endsWith(`-${attribute}`))
      expect(outputs).to.deep.equal([])
    })
  }

  it('gives a derivation that is built again the same bytes, where its folder or its own path leak into them', async () => {
    const first = await built('dyno-only', 'leaks')
    const again = await build('dyno-only', 'leaks', '--check')
    expect([again.status, fs.readFileSync(`${first.canonical}/pwd`, 'utf8')]).to.match(/^0,\/app\/\.nix\/b\/[0-9a-z]{16}\n$/)
  })

  it('builds again what is there, and finds it the same', async () => {
    const {canonical} = await built('dyno-only', 'leaks')
    const again = await jail.nix('nix', ['build', '--file', 'source/dyno-only.nix', 'leaks', '--no-link', '--rebuild'])
    expect([again.status, fs.existsSync(canonical)], again.stderr).to.deep.equal([0, true])
  })

  it('shows the evaluator none but its own environment', async () => {
    const {stdout} = await jail.nix('nix-instantiate', ['--eval', '--expr', 'builtins.getEnv "HOME" + builtins.getEnv "SECRET"'])
    expect([stdout, Object.keys(nixEnvironment(jail.installed)).sort()]).to.deep.equal(['"/app/.nix/home"\n', ['HOME', 'LANG', 'NIX_CONF_DIR', 'NIX_PATH', 'NIX_REMOTE', 'NIX_STORE_DIR', 'PATH']])
  })

  it("runs the builder with Nix's environment and nothing else", async () => {
    const {canonical} = await built('dyno-only', 'environment', '--cores', '3')
    const text = fs.readFileSync(canonical, 'utf8')
    const folder = /NIX_BUILD_TOP=(.*)/.exec(text)?.[1] ?? ''
    expect(text.replaceAll(folder, 'FOLDER').replaceAll(/[0-9a-z]{32}-/g, 'HASH-').split('\n')).to.deep.equal([
      'HOME=/homeless-shelter', 'NIX_BUILD_CORES=3', 'NIX_BUILD_TOP=FOLDER', 'NIX_LOG_FD=2', 'NIX_STORE=/nix/store', 'PATH=/usr/bin:/bin', 'PWD=FOLDER', 'SHLVL=1',
      'TEMP=FOLDER', 'TEMPDIR=FOLDER', 'TERM=xterm-256color', 'TMP=FOLDER', 'TMPDIR=FOLDER', '_=/usr/bin/env', 'builder=/bin/bash',
      'name=environment', 'out=/nix/store/HASH-environment', 'system=x86_64-linux', 'argv0 bash', '0022', '0', '',
    ])
  })

  it('keeps the order of what is said on both streams, which can be opened by name', async () => {
    const {log} = await built('dyno-only', 'streams')
    expect(log.split('\n').filter(line => /^(out|err|by)/.test(line))).to.deep.equal(['out 1', 'err 1', 'out 2', 'err 2', 'out 3', 'err 3', 'by name', 'by other name'])
  })

  it('ends what a builder left running, before its output is read', async () => {
    const {canonical} = await built('dyno-only', 'stray')
    expect(fs.readFileSync(canonical, 'utf8')).to.match(/^early\n(late\n)*$/)
    const {nlink} = fs.statSync(canonical)
    expect([nlink, processesOf(jail.app).filter(({command}) => command.includes('stray-holder'))]).to.deep.equal([2, []])
  })

  it('ends its builder when Nix is killed, and removes its folder', async () => {
    // A shell stays as the jail's first process, so that the jail outlives Nix.
    const {file, args, env} = nixCommand(jail.installed, 'nix-build', ['source/dyno-only.nix', '--attr', 'waits', '--no-out-link'])
    const script = `"$@" 2>&1 | { grep --quiet --line-buffered '^waiting'; pkill -KILL --exact nix-build; cat; }
      while pgrep --full '^[w]aits-for-ever' > /dev/null || [[ -n "$(ls -A /app/.nix/b)" ]]; do sleep 0.1; done
      echo all gone`
    const {status, stdout} = await jail.run(['/bin/bash', '-c', script, 'bash', file, ...args], {env, files: jail.toolboxFiles})
    expect([status, stdout.split('\n').at(-2)]).to.deep.equal([0, 'all gone'])
  })

  it('ends a builder that takes longer than it may, and removes its folder', async () => {
    const {file, args, env} = nixCommand(jail.installed, 'nix-build', ['source/dyno-only.nix', '--attr', 'waits', '--no-out-link', '--timeout', '2'])
    const script = `"$@"; status=$?
      while pgrep --full '^[w]aits-for-ever' > /dev/null || [[ -n "$(ls -A /app/.nix/b)" ]]; do sleep 0.1; done
      exit $status`
    const {status, stderr} = await jail.run(['/bin/bash', '-c', script, 'bash', file, ...args], {env, files: jail.toolboxFiles})
    expect([status, stderr.includes('timed out after 2 seconds')]).to.deep.equal([101, true])
  })

  it('says that it is at work while it reads large outputs, so that `max-silent-time` does not end it', async () => {
    const {log} = await built('dyno-only', 'slow', '--max-silent-time', '3')
    expect(log).to.match(/^mapping the outputs back for 2 s now$/m)
  })

  it('fails where Nix cannot hand an attribute over, which is found and named', async () => {
    const {status, stderr} = await build('dyno-only', 'latin')
    const {message, suggestions} = nixBuildFailed({status, signal: null}, stderr, `${jail.app}/.nix/store`)
    expect(message.replaceAll(/[0-9a-z]{32}-/g, 'HASH-')).to.equal([
      'nix-build failed with exit status 1. On a dyno, Nix can only build derivations whose attributes and arguments are UTF-8. These are not:',
      'HASH-latin.drv: attribute text',
    ].join('\n'))
    expect(suggestions[0]).to.include('passAsFile')
  })

  it('leaves in the view what the canonical bytes make, and nothing that could mean either tree', async () => {
    const {view, canonical} = await built('dyno-only', 'ambiguous')
    expect([fs.readFileSync(canonical, 'utf8').startsWith('/nix/store and /nix/store/'), fs.existsSync(view), fs.readdirSync(`${jail.app}/.nixs`).filter(name => name.endsWith('-ambiguous-link'))]).to.deep.equal([true, false, []])
  })

  it('takes the view from canonical bytes for what is content-addressed: its scratch name is gone', async () => {
    const {canonical} = await built('matrix', 'addressed.out')
    const scratch = fs.readdirSync(`${jail.app}/.nixs`).filter(name => name.endsWith('-addressed') || name.endsWith('-addressed-lib'))
    expect([fs.existsSync(canonical), scratch]).to.deep.equal([true, []])
  })

  it('leaves one link of what needs no rewriting in each tree, and modes and times of a store in both', async () => {
    const {view, canonical} = await built('matrix', 'dep')
    const about = (path: string) => {
      const {ino, mode, mtimeMs} = fs.lstatSync(path)
      return {ino, mode: mode & 0o7777, mtimeMs}
    }

    expect(about(`${view}/plain`)).to.deep.equal(about(`${canonical}/plain`))
    const {ino, ...rewritten} = about(`${view}/bin/dep`)
    expect([rewritten, ino === about(`${canonical}/bin/dep`).ino, fs.readlinkSync(`${view}/bin/link`)]).to.deep.equal([
      {mode: 0o555, mtimeMs: 1000}, false, `/app/.nixs/${view.split('/').at(-1) ?? ''}/bin/dep`,
    ])
  })

  it('leaves no temporary name in either tree', () => {
    const names = [`${jail.app}/.nixs`, `${jail.app}/.nix/store`].flatMap(folder => fs.readdirSync(folder))
    expect(names.filter(name => name.startsWith('.unfinished') )).to.deep.equal([])
  })

  it('builds what was kept for looking at, in the folder that Nix names', async () => {
    const {stderr} = await build('failing', 'status', '--keep-failed')
    const kept = /keeping build directory "?([^"\n]+?)"?\n/.exec(stderr)?.[1] ?? stderr
    expect(fs.existsSync(kept.replace(/^\/app/, jail.app))).to.equal(true)
  })
})
