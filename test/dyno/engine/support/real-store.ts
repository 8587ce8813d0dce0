import {execFile, execFileSync} from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import {promisify} from 'node:util'
import {findNix} from '../../../../src/dyno/engine/install-nix.ts'
import {removeTree} from '../../../../src/lib/view/remove.ts'

/** A /nix of its own in a mount namespace, in which Nix builds with its normal builder: what a dyno's build is compared with. */
export interface RealStore extends Disposable {
  /** the host's path of its /nix/store */
  store: string
  /** Runs a Nix program; returns its standard output. `project` is the host's path of the folder that becomes /app/source. */
  nix: (program: string, args: readonly string[], project: string) => Promise<string>
}

const SETTINGS = {
  'build-users-group': '', sandbox: 'false', 'filter-syscalls': 'false', substituters: '', 'experimental-features': 'nix-command flakes ca-derivations',
}

/** Unpacks the archive to a temporary folder that is /nix for the programs it runs. Needs user namespaces. */
export function makeRealStore(archive: string): RealStore {
  const root = fs.mkdtempSync(`${os.tmpdir()}/real-store-`)
  for (const folder of ['nix', 'home', 'app']) fs.mkdirSync(`${root}/${folder}`)
  execFileSync('tar', ['--extract', '--file', archive, '--directory', `${root}/nix`, '--strip-components=1'])
  const {storePath} = findNix(fs.readdirSync(`${root}/nix/store`))
  const bubblewrap = (project: string) => [
    ...['--unshare-user', '--uid', '12345', '--gid', '12345', '--unshare-pid', '--die-with-parent', '--ro-bind', '/usr', '/usr', '--ro-bind', '/etc', '/etc'],
    ...['bin', 'lib', 'lib64', 'sbin'].flatMap(name => ['--symlink', `usr/${name}`, `/${name}`]),
    ...['--tmpfs', '/tmp', '--dev', '/dev', '--proc', '/proc', '--bind', `${root}/nix`, '/nix', '--bind', `${root}/home`, '/home', '--ro-bind', project, '/app/source'],
    ...['--chdir', '/app', '--clearenv', '--setenv', 'PATH', '/usr/bin:/bin', '--setenv', 'HOME', '/home', '--setenv', 'NIX_REMOTE', 'local', '--setenv', 'NIX_PATH', ''],
    ...['--setenv', 'NIX_CONFIG', Object.entries(SETTINGS).map(([name, value]) => `${name} = ${value}\n`).join('')],
  ]
  const run = promisify(execFile)
  execFileSync('bwrap', [...bubblewrap('/usr'), `${storePath}/bin/nix-store`, '--load-db'], {input: fs.readFileSync(`${root}/nix/.reginfo`), stdio: ['pipe', 'ignore', 'pipe']})
  return {
    store: `${root}/nix/store`,
    async nix(program, args, project) {
      const {stdout} = await run('bwrap', [...bubblewrap(project), `${storePath}/bin/${program}`, ...args], {maxBuffer: 1 << 28})
      return stdout
    },
    [Symbol.dispose]: () => removeTree(root),
  }
}
