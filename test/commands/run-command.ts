import {Config} from '@oclif/core'
import path from 'node:path'
import {Readable} from 'node:stream'
import type {NixCommand} from '../../src/cli/nix-command.ts'

const ROOT = path.resolve(import.meta.dirname, '..', '..')

export interface Ran {
  /** null: it succeeded */
  error: {message: string; code: string; exit: number; suggestions: string[]} | null
  stdout: string
  stderr: string
  /** what `run()` gave; null after an error */
  result: unknown
}

export interface RunOptions {
  env: Readonly<Record<string, string>>
  cwd: string
  input?: string
}

type CommandClass = (new (argv: string[], config: Config) => NixCommand) & {run: unknown}

/** Runs a command in this process, as the CLI would, with an environment, a folder and streams of its own. */
export async function runCommand(command: CommandClass, argv: readonly string[], {env, cwd, input = ''}: RunOptions): Promise<Ran> {
  const before = {env: process.env, cwd: process.cwd(), exitCode: process.exitCode, stdin: Object.getOwnPropertyDescriptor(process, 'stdin')}
  const out = capture(process.stdout)
  const err = capture(process.stderr)
  process.env = {PATH: before.env['PATH'], ...env}
  process.chdir(cwd)
  Object.defineProperty(process, 'stdin', {value: Readable.from([input]), configurable: true})
  try {
    const config = await Config.load(ROOT)
    const result: unknown = await (command as unknown as {run: (argv: string[], config: Config) => Promise<unknown>}).run([...argv], config)
    return {error: null, stdout: out.text(), stderr: err.text(), result}
  } catch (error) {
    return {error: describe(error), stdout: out.text(), stderr: err.text(), result: null}
  } finally {
    process.env = before.env
    process.chdir(before.cwd)
    process.exitCode = before.exitCode
    if (before.stdin) Object.defineProperty(process, 'stdin', before.stdin)
    out.restore()
    err.restore()
  }
}

function describe(error: unknown): NonNullable<Ran['error']> {
  const {message, code = '', suggestions = [], oclif} = error as Error & {code?: string; suggestions?: string[]; oclif?: {exit?: number}}
  return {message, code, suggestions, exit: oclif?.exit ?? 1}
}

function capture(stream: NodeJS.WriteStream): {text: () => string; restore: () => void} {
  const chunks: Buffer[] = []
  const write = stream.write.bind(stream)
  stream.write = (chunk: string | Uint8Array) => chunks.push(Buffer.from(chunk as string)) > 0
  return {
    text: () => Buffer.concat(chunks).toString(),
    restore() {
      stream.write = write
    },
  }
}
