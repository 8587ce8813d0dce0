import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {BuiltinError} from './context.ts'

/** A program's failure; `status` is null where a signal ended it. */
export class ProgramFailed extends BuiltinError {
  readonly status: number | null

  constructor(message: string, status: number | null) {
    super(message)
    this.status = status
  }
}

/** Runs a program of the dyno's image, its messages going to the build's log; `input` is its standard input. */
export async function runProgram(file: string, args: readonly string[], {env, input = ''}: {env: Record<string, string>; input?: string}): Promise<void> {
  const child = spawn(file, args, {env, stdio: ['pipe', 2, 2]})
  // A program that ends before it has read everything says why by its exit status.
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(input)
  const [status, signal] = await once(child, 'close') as [number | null, string | null]
  if (status !== 0) throw new ProgramFailed(`${file} failed (${status === null ? String(signal) : `exit status ${status}`})`, status)
}

/** PATH for programs of the image, and the variables (proxies) that the derivation was given. */
export function imageEnvironment(env: Readonly<Record<string, string>>): Record<string, string> {
  const proxies = ['http_proxy', 'https_proxy', 'ftp_proxy', 'all_proxy', 'no_proxy'].flatMap(name => [name, name.toUpperCase()])
  const given = proxies.flatMap(name => (env[name] ? [[name, env[name]] as const] : []))
  return {PATH: '/usr/local/bin:/usr/bin:/bin', ...Object.fromEntries(given)}
}
