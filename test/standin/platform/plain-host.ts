import {execFile, spawn} from 'node:child_process'
import type {ChildProcess} from 'node:child_process'
import {mkdtemp, readFile, rm} from 'node:fs/promises'
import {connect, createServer} from 'node:net'
import type {AddressInfo} from 'node:net'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {PassThrough} from 'node:stream'
import {setTimeout as delay} from 'node:timers/promises'
import {promisify} from 'node:util'
import type {Dyno, DynoEnd, DynoHost, DynoSpec, DynoState} from '../../../standin/dynos/contract.ts'

const run = promisify(execFile)

/** Dynos without a jail: bash in a temporary folder. For tests of what is around dynos, where no jail is permitted. */
export function plainHost(): DynoHost & {started: DynoSpec[]} {
  const dynos = new Set<PlainDyno>()
  const started: DynoSpec[] = []
  return {
    started,
    start(spec) {
      started.push(spec)
      const dyno = new PlainDyno(spec)
      dynos.add(dyno)
      void dyno.ended.then(() => dynos.delete(dyno))
      return dyno
    },
    async inspectSlug(file) {
      const bytes = await readFile(file)
      if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return {kind: 'refused', reason: 'The slug is not gzip.'}
      return {kind: 'ok', compressedSize: bytes.length, droppedOutsideApp: []}
    },
    async close() {
      for (const dyno of dynos) dyno.kill()
      await Promise.all([...dynos].map(dyno => dyno.ended))
    },
  }
}

class PlainDyno implements Dyno {
  readonly name: string
  readonly input = new PassThrough()
  readonly output = new PassThrough()
  readonly ended: Promise<DynoEnd>
  state: DynoState = 'starting'
  address: {host: string; port: number} | null = null
  readonly #spec: DynoSpec
  readonly #listeners: ((state: DynoState) => void)[] = []
  #process: ChildProcess | null = null
  #reason: DynoEnd['reason'] = 'exited'

  constructor(spec: DynoSpec) {
    this.name = spec.name
    this.#spec = spec
    this.ended = this.#live()
  }

  onState(listener: (state: DynoState) => void): void {
    this.#listeners.push(listener)
  }

  /** Nobody looks at its memory. */
  onMemory(): void {
    // Nothing is ever told.
  }

  stop(): void {
    this.#terminate('stopped')
  }

  kill(): void {
    this.#end('killed')
    this.#signal('SIGKILL')
  }

  hangup(): void {
    this.#signal('SIGHUP')
  }

  async #live(): Promise<DynoEnd> {
    const spec = this.#spec
    const home = await mkdtemp(join(tmpdir(), 'plain-dyno-'))
    if (spec.slug !== null) await run('tar', ['-xzf', spec.slug, '-C', home, '--strip-components=2'])
    if (spec.web) this.address = {host: '127.0.0.1', port: await freePort()}
    const env = {PATH: process.env['PATH'], ...spec.env, HOME: home, SHELL: '/bin/bash', ...(this.address && {PORT: String(this.address.port)})}
    const child = spec.terminal
      ? spawn('script', ['-qefc', spec.command, '/dev/null'], {cwd: home, env, detached: true})
      : spawn('bash', ['-c', spec.command], {cwd: home, env, detached: true})
    this.#process = child
    if (this.#reason === 'killed') this.#signal('SIGKILL')
    child.stdin.on('error', () => this.input.resume())
    this.input.pipe(child.stdin)
    child.stdout.pipe(this.output, {end: false})
    child.stderr.pipe(this.output, {end: false})
    const timers = [
      ...(spec.timeToLiveMs === null ? [] : [setTimeout(() => this.#terminate('time-to-live'), spec.timeToLiveMs)]),
      ...(spec.cycleMs === null ? [] : [setTimeout(() => this.#terminate('cycled'), spec.cycleMs)]),
      ...(spec.web === null ? [] : [setTimeout(() => this.#bootTimeout(), spec.web.bootTimeoutMs)]),
    ]
    if (this.address) void this.#watch(this.address.port)
    else this.#enter('up')
    const status = await new Promise<number>(resolve => child.once('close', (code, signal) => resolve(code ?? 128 + (SIGNALS[signal ?? ''] ?? 0))))
    for (const timer of timers) clearTimeout(timer)
    this.output.end()
    this.#enter(status === 0 || this.#reason !== 'exited' ? 'down' : 'crashed')
    await rm(home, {recursive: true, force: true})
    return {status, reason: this.#reason}
  }

  async #watch(port: number): Promise<void> {
    while (this.state === 'starting') {
      if (await listens(port)) this.#enter('up')
      else await delay(20)
    }
  }

  #bootTimeout(): void {
    if (this.state !== 'starting') return
    this.#end('boot-timeout')
    this.#signal('SIGKILL')
  }

  #terminate(reason: DynoEnd['reason']): void {
    this.#end(reason)
    this.#signal('SIGTERM')
    setTimeout(() => this.#signal('SIGKILL'), this.#spec.graceMs).unref()
  }

  #end(reason: DynoEnd['reason']): void {
    if (this.#reason === 'exited') this.#reason = reason
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#process?.pid === undefined || this.#process.exitCode !== null || this.#process.signalCode !== null) return
    try {
      process.kill(-this.#process.pid, signal)
    } catch {
      // It has just ended of itself.
    }
  }

  #enter(state: DynoState): void {
    this.state = state
    for (const listener of this.#listeners) listener(state)
  }
}

const SIGNALS: Readonly<Record<string, number>> = {SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const {port} = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

function listens(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
