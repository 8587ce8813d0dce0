import {randomUUID} from 'node:crypto'
import {chmod, chown, mkdir, readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {PassThrough, type Readable, type Writable} from 'node:stream'
import {pipeline} from 'node:stream/promises'

import type {Address, Addresses} from './addresses.ts'
import {bound} from './bound.ts'
import type {Dyno, DynoEnd, DynoSpec, DynoState} from './contract.ts'
import {removeFolder} from './folder.ts'
import type {DynoImage} from './image.ts'
import type {Instructions} from './instructions.ts'
import type {JailPlan, Privilege} from './jail.ts'
import type {MemoryLimits} from './memory.ts'
import {type MemoryEvent, watchMemory} from './memory-use.ts'
import {type JailedProcess, startJailed} from './process.ts'
import {unpackSlug} from './unpack.ts'

export interface DynoSetting {
  image: DynoImage
  privilege: Privilege
  /** the dyno's own folder, which does not exist yet */
  folder: string
  user: number
  addresses: Addresses
  memory: MemoryLimits
  /** whether RLIMIT_NPROC counts this dyno's processes alone */
  limitsThreads: boolean
}

/** One dyno from its unpacked slug to its end. */
export class JailedDyno implements Dyno {
  readonly name: string
  readonly input: Writable
  readonly output: Readable
  readonly ended: Promise<DynoEnd>
  /** Resolves when its files are gone, too. */
  readonly removed: Promise<void>
  state: DynoState = 'starting'
  address: Address | null = null

  private readonly spec: DynoSpec
  private readonly setting: DynoSetting
  private readonly log = new PassThrough()
  private readonly typed = new PassThrough()
  private readonly listeners: ((state: DynoState) => void)[] = []
  private readonly memoryListeners: ((event: MemoryEvent) => void)[] = []
  private readonly over = new AbortController()
  private process: JailedProcess | null = null
  private reason: DynoEnd['reason'] = 'exited'

  constructor(spec: DynoSpec, setting: DynoSetting) {
    this.name = spec.name
    this.spec = spec
    this.setting = setting
    this.input = this.typed
    this.output = this.log
    const life = this.live()
    this.ended = life.then(status => this.end(status), (error: unknown) => this.fail(error))
    this.removed = this.ended.then(() => removeFolder(setting.folder))
    // The next stand-in that uses the folder tries again.
    this.removed.catch(() => undefined)
  }

  onState(listener: (state: DynoState) => void): void {
    this.listeners.push(listener)
  }

  onMemory(listener: (event: MemoryEvent) => void): void {
    this.memoryListeners.push(listener)
  }

  stop(): void {
    this.terminate('stopped')
  }

  kill(): void {
    this.endWith('killed')
    this.process?.kill()
  }

  hangup(): void {
    this.process?.signal('HUP')
  }

  private async live(): Promise<number> {
    const {spec, setting} = this
    const plan = await makeFolder(setting)
    if (spec.web) {
      this.address = await setting.addresses.take()
    }

    if (spec.slug !== null) {
      await unpackSlug(spec.slug, plan)
    }

    await using limit = await setting.memory.make(spec.memory, setting.folder, spec.overrun === 'process')
    if (this.reason !== 'exited') {
      return 128 + 9
    }

    const jailed = startJailed({...plan, sys: limit.shown}, instructions(spec, setting, this.address), 'pipe', async pid => {
      await limit.place(pid)
      if (spec.memory !== null && spec.overrun === 'dyno') void watchMemory(pid, spec.memory, this.over.signal, event => this.exceed(event))
    })
    this.process = jailed
    if (jailed.input) {
      // The command may end, or close its input, before it has read everything.
      pipeline(this.typed, jailed.input).catch(() => undefined)
    }

    jailed.output.pipe(this.log, {end: false})
    jailed.output.once('close', () => void jailed.complaints.then(text => this.log.end(text)))
    jailed.started.then(() => this.watch(), () => undefined)
    return await jailed.ended
  }

  private watch(): void {
    const {spec, address, over} = this
    const timers: NodeJS.Timeout[] = []
    over.signal.addEventListener('abort', () => {
      for (const timer of timers) {
        clearTimeout(timer)
      }
    })
    if (spec.timeToLiveMs !== null) {
      timers.push(setTimeout(() => this.terminate('time-to-live'), spec.timeToLiveMs))
    }

    if (spec.cycleMs !== null) {
      timers.push(setTimeout(() => this.terminate('cycled'), spec.cycleMs))
    }

    if (!spec.web || !address) {
      this.enter('up')
      return
    }

    const boot = setTimeout(() => {
      this.endWith('boot-timeout')
      this.process?.kill()
    }, spec.web.bootTimeoutMs)
    timers.push(boot)
    bound(address, over.signal).then(() => {
      clearTimeout(boot)
      this.enter('up')
    }, () => undefined)
  }

  private exceed(event: MemoryEvent): void {
    for (const listener of this.memoryListeners) {
      listener(event)
    }

    if (event.kind === 'R15') {
      this.endWith('memory')
      this.process?.kill()
    }
  }

  private endWith(reason: DynoEnd['reason']): void {
    if (this.reason === 'exited') {
      this.reason = reason
    }
  }

  private end(status: number): DynoEnd {
    this.over.abort()
    if (this.address) {
      this.setting.addresses.giveBack(this.address)
    }

    if (!this.process) {
      this.log.end()
    }

    this.enter(this.reason === 'boot-timeout' || this.reason === 'memory' || (this.reason === 'exited' && (this.spec.web !== null || status !== 0)) ? 'crashed' : 'down')
    return {status, reason: this.reason}
  }

  private fail(error: unknown): DynoEnd {
    this.log.end(`${(error as Error).message}\n`)
    return this.end(1)
  }

  private enter(state: DynoState): void {
    this.state = state
    for (const listener of this.listeners) {
      listener(state)
    }
  }

  private terminate(reason: 'cycled' | 'stopped' | 'time-to-live'): void {
    this.endWith(reason)
    if (!this.process) {
      // It is still being unpacked: nothing runs that a signal could reach, and nothing will.
      return
    }

    this.process.signal('TERM')
    const grace = setTimeout(() => this.process?.kill(), this.spec.graceMs)
    void this.process.ended.finally(() => clearTimeout(grace)).catch(() => undefined)
  }
}

/** Makes the folders and files that a dyno or a build sees as its own, belonging to its user. */
export async function makeFolder({folder, user, image, privilege}: Pick<DynoSetting, 'folder' | 'image' | 'privilege' | 'user'>): Promise<JailPlan> {
  const [app, tmp] = [join(folder, 'app'), join(folder, 'tmp')]
  // The network is this machine's, and so are the names in it, as they are when the dyno starts.
  const [hosts, resolv] = await Promise.all(['hosts', 'resolv.conf'].map(name => readFile(join('/etc', name), 'utf8').catch(() => '')))
  const files: Readonly<Record<string, string>> = {
    passwd: `root:x:0:0:root:/root:/bin/bash\nu${user}:x:${user}:${user}::/app:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n`,
    group: `root:x:0:\ntty:x:5:\ndyno:x:${user}:\nnogroup:x:65534:\n`,
    hosts: hosts ?? '',
    'resolv.conf': resolv ?? '',
  }
  await mkdir(folder, {mode: 0o700})
  await Promise.all([
    ...[app, tmp].map(async path => {
      await mkdir(path)
      await chmod(path, 0o700)
      if (privilege === 'root') {
        await chown(path, user, user)
      }
    }),
    ...Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text, {mode: 0o644})),
  ])
  const etc = Object.fromEntries(Object.keys(files).map(name => [name, join(folder, name)]))
  return {image, privilege, user, hostname: randomUUID(), app, tmp, etc, sys: []}
}

/** Config vars may set PATH, as on Heroku; HOME and PORT are the dyno's. */
function instructions(spec: DynoSpec, setting: DynoSetting, address: Address | null): Instructions {
  return {
    user: setting.user,
    threads: setting.limitsThreads ? spec.maxThreads : null,
    mode: spec.terminal ? {kind: 'terminal', ...spec.terminal} : {kind: 'pipes'},
    argv: ['/bin/bash', '--login', '-c', spec.command],
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin', ...spec.env, HOME: '/app',
      ...(address ? {PORT: String(address.port)} : {}),
    },
  }
}
