import type {DynoEnd} from '../../dynos/contract.ts'
import {currentRelease, currentSlug, timestamp} from '../../state/apps.ts'
import type {AppRecord, ReleaseRecord} from '../../state/model.ts'
import type {LiveDyno} from './live-dyno.ts'
import type {RunContext, RunOptions, RunningDyno} from './run-dyno.ts'
import {resolveCommand, runDyno} from './run-dyno.ts'

export interface OneOffOrder {
  type: string
  command: string
  size: string
  env: Readonly<Record<string, string>>
  terminal: RunOptions['terminal']
  timeToLiveMs: number | null
}

interface Waiting {
  live: LiveDyno
  terminal: boolean
  start: () => RunningDyno
  timer: NodeJS.Timeout
}

/** An attached dyno whose client has come. */
export interface Claim {
  live: LiveDyno
  terminal: boolean
  start: () => RunningDyno
  giveUp: () => void
}

/** Dynos that run one command: detached ones at once, attached ones when their client has come, release phases. */
export class OneOffs {
  readonly #dynos = new Map<string, LiveDyno>()
  readonly #waiting = new Map<string, Waiting>()
  readonly #context: RunContext
  readonly #attachUrl: (secret: string) => string

  constructor(context: RunContext, attachUrl: (secret: string) => string) {
    this.#context = context
    this.#attachUrl = attachUrl
  }

  list(app: AppRecord): LiveDyno[] {
    return [...this.#dynos.values()].filter(live => live.app === app)
  }

  startDetached(app: AppRecord, order: OneOffOrder): LiveDyno {
    const live = this.#create(app, order, currentRelease(app))
    const slug = currentSlug(app)
    const {finished} = runDyno(live, {...order, slug, timeToLiveMs: order.timeToLiveMs, output: {kind: 'logged', copy: null}, endsAs: 'complete'}, this.#context)
    void this.#dropAfter(live, finished)
    return live
  }

  /** The release phase: the command runs from the release that is about to be. */
  runReleasePhase(
    app: AppRecord, release: ReleaseRecord, {command, size, copy}: {command: string; size: string; copy: (chunk: Buffer) => void},
  ): Promise<DynoEnd> {
    const live = this.#create(app, {type: 'release', command, size}, release)
    const slug = app.slugs.find(candidate => candidate.id === release.slugId) ?? null
    const {finished} = runDyno(live, {
      slug, env: {}, terminal: null, timeToLiveMs: null, output: {kind: 'logged', copy}, endsAs: 'complete',
    }, this.#context)
    return this.#dropAfter(live, finished)
  }

  /** Creates a dyno that starts when its client has connected to `attachUrl`. */
  createAttached(app: AppRecord, order: OneOffOrder): LiveDyno {
    const live = this.#create(app, order, currentRelease(app))
    const secret = this.#context.source.secret(16)
    const slug = currentSlug(app)
    live.attachUrl = this.#attachUrl(secret)
    this.#tell(live, 'Awaiting client')
    const start = () => {
      const running = runDyno(live, {...order, slug, timeToLiveMs: order.timeToLiveMs, output: {kind: 'attached'}, endsAs: 'complete'}, this.#context)
      void this.#dropAfter(live, running.finished)
      return running
    }

    const timer = setTimeout(() => {
      this.#tell(live, 'Error R13 (Attach error) -> Failed to attach to process')
      this.#giveUp(live)
    }, app.settings.attachTimeoutMs)
    this.#waiting.set(secret, {live, terminal: order.terminal !== null, start, timer})
    return live
  }

  /** The client with that secret has come; null when nobody waits for it. The secret is good for one connection. */
  claim(secret: string): Claim | null {
    const waiting = this.#waiting.get(secret)
    if (!waiting) return null
    this.#waiting.delete(secret)
    clearTimeout(waiting.timer)
    const {live, terminal, start} = waiting
    return {live, terminal, start, giveUp: () => this.#giveUp(live)}
  }

  stop(live: LiveDyno): void {
    if (!live.dyno) {
      this.#giveUp(live)
      return
    }

    live.stopping = true
    this.#tell(live, 'Stopping all processes with SIGTERM')
    live.dyno.stop()
  }

  dropApp(app: AppRecord): void {
    for (const live of this.list(app)) this.stop(live)
  }

  close(): void {
    for (const {timer} of this.#waiting.values()) clearTimeout(timer)
    this.#waiting.clear()
  }

  #create(app: AppRecord, {type, command, size}: Pick<OneOffOrder, 'command' | 'size' | 'type'>, release: ReleaseRecord | null): LiveDyno {
    const {source} = this.#context
    const taken = new Set(this.list(app).map(live => live.name))
    let name
    do name = `${type}.${1000 + Number.parseInt(source.secret(4), 16) % 9000}`
    while (taken.has(name))

    const at = timestamp(source.now())
    const live: LiveDyno = {
      id: source.uuid(), app, name, type, size, createdAt: at, updatedAt: at, command: resolveCommand(command, app),
      release: {id: release?.id ?? source.uuid(), version: release?.version ?? 1}, state: 'starting', attachUrl: null, dyno: null, stopping: false,
    }
    this.#dynos.set(live.id, live)
    return live
  }

  async #dropAfter(live: LiveDyno, end: Promise<DynoEnd>): Promise<DynoEnd> {
    const result = await end
    this.#dynos.delete(live.id)
    return result
  }

  #giveUp(live: LiveDyno): void {
    for (const [secret, waiting] of this.#waiting) {
      if (waiting.live !== live) continue
      clearTimeout(waiting.timer)
      this.#waiting.delete(secret)
    }

    if (this.#dynos.delete(live.id)) this.#tell(live, 'State changed from starting to complete')
  }

  #tell(live: LiveDyno, message: string): void {
    this.#context.logs.of(live.app).add('heroku', live.name, message)
  }
}
