import {spawn} from 'node:child_process'
import {once} from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import {dynoSeccompFilter} from '../../../../standin/dynos/seccomp.ts'

/** A folder that is /app inside a jail which refuses what a dyno refuses: ptrace, namespaces, a /nix. */
export interface Jail extends AsyncDisposable {
  /** the host's path of /app */
  app: string
  /** Runs a program inside; `files` are bound read-only, host path by path inside. */
  run: (argv: readonly string[], options?: RunOptions) => Promise<Ran>
  /** bubblewrap's arguments for a program, for who must start it himself */
  arguments: (argv: readonly string[], options?: RunOptions) => string[]
}

export interface RunOptions {
  env?: Readonly<Record<string, string>>
  cwd?: string
  /** host path to path inside, read-only */
  files?: Readonly<Record<string, string>>
}

export interface Ran {
  status: number
  /** standard output alone */
  stdout: string
  stderr: string
}

const FILTER_FD = 3
/** Whatever hangs inside ends with its jail. */
const RUN_TIMEOUT = 300_000

/** The jail has the machine's own /usr, more than a dyno has: what is tested here is the engine, not the image. */
export function makeJail(): Jail {
  const root = fs.mkdtempSync(`${os.tmpdir()}/engine-jail-`)
  const app = `${root}/app`
  fs.mkdirSync(app)
  fs.writeFileSync(`${root}/filter`, dynoSeccompFilter())
  const bwrapArguments: Jail['arguments'] = (argv, {env = {}, cwd = '/app', files = {}} = {}) => [
    ...['--unshare-user', '--disable-userns', '--uid', '12345', '--gid', '12345', '--unshare-pid', '--unshare-ipc', '--die-with-parent'],
    ...['--ro-bind', '/usr', '/usr', '--ro-bind', '/etc', '/etc', '--tmpfs', '/tmp', '--dev', '/dev', '--proc', '/proc'],
    ...['bin', 'lib', 'lib64', 'sbin'].flatMap(name => ['--symlink', `usr/${name}`, `/${name}`]),
    ...Object.entries(files).flatMap(([source, target]) => ['--ro-bind', source, target]),
    ...['--bind', app, '/app', '--chdir', cwd, '--clearenv', '--setenv', 'PATH', '/usr/bin:/bin', '--setenv', 'HOME', '/app'],
    ...Object.entries(env).flatMap(([name, value]) => ['--setenv', name, value]),
    ...['--seccomp', String(FILTER_FD), ...argv],
  ]

  return {
    app,
    arguments: bwrapArguments,
    async run(argv, options) {
      const filter = fs.openSync(`${root}/filter`, 'r')
      const child = spawn('bwrap', bwrapArguments(argv, options), {stdio: ['ignore', 'pipe', 'pipe', filter], timeout: RUN_TIMEOUT, killSignal: 'SIGKILL'})
      fs.closeSync(filter)
      let stdout = ''
      let stderr = ''
      child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text))
      child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
      const [status] = await once(child, 'close') as [number | null]
      return {status: status ?? 255, stdout, stderr}
    },
    async [Symbol.asyncDispose]() {
      await fs.promises.chmod(root, 0o700)
      const {removeTree} = await import('../../../../src/lib/view/remove.ts')
      removeTree(root)
    },
  }
}
