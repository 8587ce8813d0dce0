import {type ChildProcess, spawn} from 'node:child_process'
import {once} from 'node:events'
import {readFile} from 'node:fs/promises'
import type {Duplex, Readable, Writable} from 'node:stream'
import {text} from 'node:stream/consumers'
import {setTimeout as delay} from 'node:timers/promises'

import {encodeInstructions, type Instructions} from './instructions.ts'
import {ARGS_FD, BLOCK_FD, CONTROL_FD, INFO_FD, JAILED_COMMAND, jailArguments, type JailPlan, SECCOMP_FD} from './jail.ts'
import {dynoSeccompFilter} from './seccomp.ts'

export interface JailedProcess {
  readonly input: Writable | null
  readonly output: Readable
  /** What bwrap or init.pl had to say about the jail; the command's own standard error is in `output`. */
  readonly complaints: Promise<string>
  /** Resolves when the jail stands and the command is about to start; rejects when it never will. */
  readonly started: Promise<void>
  /** The command's status as bash reports it, once no process of the jail is left. */
  readonly ended: Promise<number>
  /** Sends the signal to every process in the jail. */
  signal(name: 'HUP' | 'TERM'): void
  kill(): void
}

/**
 * Starts a command under bubblewrap. bwrap gets an empty environment and reads its arguments from a pipe, and init.pl inside reads
 * what to run from another: neither argv nor environment of any process outside the dyno ever holds one of its config vars.
 *
 * @param stdin a pipe, or a file descriptor that the command reads
 * @param placed is given the pid of the jail's first process and awaited before anything runs, to put it into a cgroup
 */
export function startJailed(
  plan: JailPlan, instructions: Instructions, stdin: 'pipe' | number, placed: (pid: number) => Promise<void>,
): JailedProcess {
  const message = encodeInstructions(instructions)
  const child = spawn('bwrap', ['--args', String(ARGS_FD), '--', ...JAILED_COMMAND], {
    cwd: '/',
    // A session of its own: /dev/tty of whoever started the stand-in, and its Ctrl-C, are not the dyno's.
    detached: true,
    env: {PATH: '/usr/local/bin:/usr/bin:/bin'},
    stdio: [stdin, 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
  })
  const pipe = (fd: number): Duplex => child.stdio[fd] as Duplex
  // A jail that never came to be has nobody who reads; its complaint is the message.
  for (const fd of [0, ARGS_FD, SECCOMP_FD, BLOCK_FD, CONTROL_FD]) {
    (child.stdio[fd] as Duplex | null)?.on('error', () => undefined)
  }

  pipe(ARGS_FD).end(jailArguments(plan))
  pipe(SECCOMP_FD).end(dynoSeccompFilter())
  pipe(CONTROL_FD).write(message)
  pipe(CONTROL_FD).resume()

  let first: number | undefined
  const kill = (): void => {
    child.kill('SIGKILL')
    if (first !== undefined) {
      killPid(first)
    }
  }

  const started = (async () => {
    const info = await text(pipe(INFO_FD))
    first = childPid(info)
    if (child.killed) {
      killPid(first)
    }

    await placed(first)
    pipe(BLOCK_FD).end('\0')
  })()
  // Whoever ignores a failed start still learns of it from `ended`.
  started.catch(kill)

  return {
    input: child.stdin,
    // Both are pipes in `stdio` above.
    output: child.stdout as Readable,
    complaints: Promise.all([text(child.stderr as Readable), obstacle(started, () => first)]).then(texts => texts.join('')),
    started,
    ended: ended(child, () => first),
    signal(name) {
      pipe(CONTROL_FD).write(`${name}\n`)
    },
    kill,
  }
}

/** Why a jail that stood was not let go; where bwrap itself failed, it has said so. */
function obstacle(started: Promise<void>, first: () => number | undefined): Promise<string> {
  return started.then(() => '', (error: unknown) => first() === undefined ? '' : `${(error as Error).message}\n`)
}

async function ended(child: ChildProcess, first: () => number | undefined): Promise<number> {
  const [code, signal] = await once(child, 'exit') as [number | null, NodeJS.Signals | null]
  const pid = first()
  if (pid !== undefined) {
    killPid(pid)
    await namespaceGone(pid)
  }

  return code ?? 128 + signalNumber(signal)
}

/** A pid namespace's first process turns into a zombie only after the kernel has ended all others in it. */
async function namespaceGone(pid: number): Promise<void> {
  for (let wait = 1; ; wait = Math.min(wait * 2, 50)) {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => null)
    if (stat === null || /\) [XZ] /.test(stat)) {
      return
    }

    await delay(wait)
  }
}

function killPid(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}

function childPid(info: string): number {
  const pid = /"child-pid": *(\d+)/.exec(info)?.[1]
  if (pid === undefined) {
    throw new Error('bwrap ended before the jail stood')
  }

  return Number(pid)
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === 'SIGKILL' ? 9 : signal === 'SIGTERM' ? 15 : 1
}
