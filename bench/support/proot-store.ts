import {execFile, execFileSync} from 'node:child_process'
import fs from 'node:fs'
import {promisify} from 'node:util'
import {findNix} from '../../src/dyno/engine/install-nix.ts'
import {removeTree} from '../../src/lib/view/remove.ts'

/** A Nix whose /nix is PRoot's: as the buildpack of 2016 built. Its own builder builds, under ptrace. */
export interface ProotStore extends Disposable {
  /** Runs a Nix program; standard output. Throws when it fails. */
  nix: (program: string, args: readonly string[]) => Promise<string>
}

const SETTINGS = 'build-users-group =\nsandbox = false\nfilter-syscalls = false\nsubstituters =\nexperimental-features = nix-command flakes\n'

/** Unpacks the archive to `root`, which must not exist. `project` becomes /app/source. */
export function makeProotStore(archive: string, project: string, root: string): ProotStore {
  for (const folder of ['nix', 'home']) fs.mkdirSync(`${root}/${folder}`, {recursive: true})
  execFileSync('tar', ['--extract', '--file', archive, '--directory', `${root}/nix`, '--strip-components=1'])
  const {storePath} = findNix(fs.readdirSync(`${root}/nix/store`))
  // The same few mounts as the jail of the relocated build has, and the same ordinary user.
  const under = [
    ...['--unshare-user', '--uid', '12345', '--gid', '12345', '--unshare-pid', '--die-with-parent', '--ro-bind', '/usr', '/usr', '--ro-bind', '/etc', '/etc'],
    ...['bin', 'lib', 'lib64', 'sbin'].flatMap(name => ['--symlink', `usr/${name}`, `/${name}`]),
    ...['--tmpfs', '/tmp', '--dev', '/dev', '--proc', '/proc', '--bind', root, '/home', '--ro-bind', project, '/app/source', '--chdir', '/app', '--clearenv'],
    ...Object.entries({PATH: '/usr/bin:/bin', HOME: '/home/home', NIX_REMOTE: 'local', NIX_PATH: '', NIX_CONFIG: SETTINGS}).flatMap(([name, value]) => ['--setenv', name, value]),
    ...['proot', '-b', '/home/nix:/nix'],
  ]
  const nix: ProotStore['nix'] = async (program, args) => {
    const {stdout} = await promisify(execFile)('bwrap', [...under, `${storePath}/bin/${program}`, ...args], {maxBuffer: 1 << 28})
    return stdout
  }

  execFileSync('bwrap', [...under, `${storePath}/bin/nix-store`, '--load-db'], {input: fs.readFileSync(`${root}/nix/.reginfo`), stdio: ['pipe', 'ignore', 'pipe']})
  return {nix, [Symbol.dispose]: () => removeTree(root)}
}
