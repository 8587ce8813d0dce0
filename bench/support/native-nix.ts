import {execFile, execFileSync} from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import {promisify} from 'node:util'
import {findNix} from '../../src/dyno/engine/install-nix.ts'

/** A Nix whose /nix is its own, in a mount namespace: it builds, exports and imports at full speed, as no dyno can. */
export interface NativeNix {
  /** the host's path of its /nix */
  nix: string
  /** A command line that runs one of its programs; it sees `folders` (host's path to its own), for reading. */
  command: (program: string, args: readonly string[], folders?: Readonly<Record<string, string>>) => [string, ...string[]]
  /** Runs one; standard output. Throws when it fails. */
  run: (program: string, args: readonly string[], folders?: Readonly<Record<string, string>>) => Promise<string>
}

const SETTINGS = 'build-users-group =\nsandbox = false\nfilter-syscalls = false\nsubstituters =\nexperimental-features = nix-command\nrequire-sigs = false\n'

/** Unpacks the archive to `root`, which must not exist. */
export function installNativeNix(archive: string, root: string): NativeNix {
  fs.mkdirSync(`${root}/nix`, {recursive: true})
  execFileSync('tar', ['--extract', '--file', archive, '--directory', `${root}/nix`, '--strip-components=1'])
  const [file, ...args] = nativeNix(root).command('nix-store', ['--load-db'])
  execFileSync(file, args, {input: fs.readFileSync(`${root}/nix/.reginfo`), stdio: ['pipe', 'ignore', 'pipe']})
  return nativeNix(root)
}

/** What is installed at `root`. @param proot whether its /nix is PRoot's instead, as it was for the buildpack of 2016 */
export function nativeNix(root: string, {proot = false} = {}): NativeNix {
  const {storePath} = findNix(fs.readdirSync(`${root}/nix/store`).filter(name => name.includes('-nix-')))
  const command: NativeNix['command'] = (program, args, folders = {}) => ['bwrap',
    ...['--unshare-user', '--uid', '12345', '--gid', '12345', '--unshare-pid', '--die-with-parent', '--ro-bind', '/usr', '/usr', '--ro-bind', '/etc', '/etc'],
    ...['bin', 'lib', 'lib64', 'sbin'].flatMap(name => ['--symlink', `usr/${name}`, `/${name}`]),
    ...['--tmpfs', '/tmp', '--dev', '/dev', '--proc', '/proc', '--tmpfs', '/home', '--bind', `${root}/nix`, proot ? '/home/nix' : '/nix'],
    ...Object.entries(folders).flatMap(([from, to]) => ['--ro-bind', from, to]),
    ...['--chdir', '/home', '--clearenv'],
    ...Object.entries({PATH: '/usr/bin:/bin', HOME: '/home', NIX_REMOTE: 'local', NIX_PATH: '', NIX_CONFIG: SETTINGS}).flatMap(([name, value]) => ['--setenv', name, value]),
    ...proot ? ['proot', '-b', '/home/nix:/nix'] : [], `${storePath}/bin/${program}`, ...args]
  return {
    nix: `${root}/nix`,
    command,
    async run(program, args, folders) {
      const [file, ...rest] = command(program, args, folders)
      const {stdout} = await promisify(execFile)(file, rest, {maxBuffer: 1 << 28})
      return stdout
    },
  }
}

/** The same one, as it ran on Heroku for the buildpack of 2016: its /nix is PRoot's. */
export function underProot(native: NativeNix): NativeNix {
  return nativeNix(path.dirname(native.nix), {proot: true})
}
