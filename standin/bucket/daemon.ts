import {spawn} from 'node:child_process'
import type {ChildProcess} from 'node:child_process'
import {once} from 'node:events'
import {open, readFile} from 'node:fs/promises'
import {connect} from 'node:net'
import {setTimeout as delay} from 'node:timers/promises'
import {StandinError} from '../errors.ts'

const POLL_MS = 50

/** A program in the background that ends when we end, even when we are killed. */
export class Daemon {
  readonly name: string
  readonly #logFile: string
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>

  private constructor(name: string, logFile: string, child: ChildProcess) {
    this.name = name
    this.#logFile = logFile
    this.#child = child
    this.#exited = once(child, 'exit')
  }

  /** @param logFile gets its output; the end of it is part of what `until` throws */
  static async start(name: string, args: readonly string[], logFile: string): Promise<Daemon> {
    const log = await open(logFile, 'a')
    try {
      // PR_SET_PDEATHSIG: a test run that is killed leaves no cluster behind.
      const child = spawn('setpriv', ['--pdeathsig', 'KILL', name, ...args], {stdio: ['ignore', log.fd, log.fd]})
      await once(child, 'spawn')
      return new Daemon(name, logFile, child)
    } finally {
      await log.close()
    }
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Resolves when `ready` says so; throws when the program ends first, or does not get there in time. */
  async until(ready: () => Promise<boolean>, what: string, deadlineMs: number): Promise<void> {
    for (const end = performance.now() + deadlineMs; !await ready(); await Promise.race([delay(POLL_MS), this.#exited])) {
      if (!this.running || performance.now() > end) {
        const reason = this.running ? `not within ${deadlineMs / 1000} s` : `it ended with ${this.#child.signalCode ?? `status ${this.#child.exitCode ?? '?'}`}`
        const tail = (await readFile(this.#logFile, 'utf8')).trim().split('\n').slice(-5).join('\n')
        throw new StandinError(`${this.name} did not get to ${what}: ${reason}.${tail === '' ? '' : `\n${tail}`}`)
      }
    }
  }

  /** SIGKILL; resolves when it has ended. */
  async kill(): Promise<void> {
    if (this.running) {
      this.#child.kill('SIGKILL')
      await this.#exited
    }
  }
}

/** True when something accepts connections there. */
export async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
