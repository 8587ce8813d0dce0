import {spawn} from 'node:child_process'
import type {Command} from '../engine/nix-command.ts'

export interface ProgramEnd {
  /** as a shell has it: 128 + signal's number would lose which; null where a signal ended it */
  status: number | null
  signal: NodeJS.Signals | null
  /** standard output, where `capture` asked for it */
  stdout: Buffer
}

export interface RunOptions {
  cwd: string
  /** Ends the program and all in its process group: SIGTERM, and SIGKILL after `graceMs`. */
  signal: AbortSignal
  graceMs?: number
  /** Gets standard error, and standard output too unless it is captured; the program is not read faster than this takes it. */
  onOutput: (chunk: Buffer) => Promise<void>
  /** Keeps standard output, of this many bytes at most. */
  capture?: number
}

/** Runs a program in a process group of its own. */
export async function runProgram({file, args, env}: Command, {cwd, signal, graceMs = 5000, onOutput, capture}: RunOptions): Promise<ProgramEnd> {
  signal.throwIfAborted()
  const child = spawn(file, args, {cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe']})
  const timers: NodeJS.Timeout[] = []
  const end = () => {
    killGroup(child.pid, 'SIGTERM')
    timers.push(setTimeout(() => killGroup(child.pid, 'SIGKILL'), graceMs))
  }
  signal.addEventListener('abort', end, {once: true})

  const captured: Buffer[] = []
  let size = 0
  const ended = new Promise<Omit<ProgramEnd, 'stdout'>>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (status, killer) => resolve({status, signal: killer}))
  })
  const pump = async (stream: AsyncIterable<Buffer>, take: (chunk: Buffer) => Promise<void>) => {
    for await (const chunk of stream) {
      await take(chunk)
    }
  }
  try {
    const [result] = await Promise.all([
      ended,
      pump(child.stderr, onOutput),
      pump(child.stdout, capture === undefined ? onOutput : chunk => {
        size += chunk.length
        if (size > capture) {
          throw new Error(`${args[0] ?? file} wrote more than ${capture} bytes.`)
        }

        captured.push(chunk)
        return Promise.resolve()
      }),
    ])
    signal.throwIfAborted()
    return {...result, stdout: Buffer.concat(captured)}
  } catch (error) {
    killGroup(child.pid, 'SIGKILL')
    throw error
  } finally {
    signal.removeEventListener('abort', end)
    timers.forEach(timer => clearTimeout(timer))
  }
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) {
    return
  }

  try {
    process.kill(-pid, signal)
  } catch {
    // All of it has ended already.
  }
}
