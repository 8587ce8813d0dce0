import {timestamp} from '../../state/apps.ts'
import type {AppRecord, ReleaseRecord, SlugRecord} from '../../state/model.ts'
import type {LiveDyno} from './live-dyno.ts'
import type {RunContext} from './run-dyno.ts'
import {runDyno} from './run-dyno.ts'

/** What one place in the formation should run. */
export interface Target {
  release: ReleaseRecord
  slug: SlugRecord
  command: string
  size: string
}

/** A place in an app's formation, `web.1`: it runs its target, moves to a new one, and comes back after crashes. */
export class FormationSlot {
  readonly app: AppRecord
  readonly name: string
  readonly #type: string
  readonly #context: RunContext
  readonly #onChange: () => void
  #target: Target | null = null
  #live: LiveDyno | null = null
  #running = false
  #crashes = 0
  #retry: NodeJS.Timeout | null = null

  /** @param onChange called when `empty` may have become true or the dyno changed its state */
  constructor({app, type, name}: {app: AppRecord; type: string; name: string}, context: RunContext, onChange: () => void) {
    this.app = app
    this.name = name
    this.#type = type
    this.#context = context
    this.#onChange = onChange
  }

  get live(): LiveDyno | null {
    return this.#live
  }

  /** Nothing runs here and nothing will. */
  get empty(): boolean {
    return this.#target === null && !this.#running
  }

  /** Runs that from now on; null: nothing. */
  want(target: Target | null): void {
    if (target && this.#target && target.release.id === this.#target.release.id && target.size === this.#target.size) return
    this.#target = target
    this.#crashes = 0
    this.restart()
  }

  restart(): void {
    if (this.#retry) clearTimeout(this.#retry)
    this.#retry = null
    if (this.#running) this.#stop()
    else if (this.#target) this.#start()
    else this.#live = null
  }

  /** Forgets what it should run, without a signal: the host ends all dynos at once. */
  close(): void {
    this.#target = null
    if (this.#retry) clearTimeout(this.#retry)
  }

  #stop(): void {
    const live = this.#live
    if (!live) return
    const next = this.#target ? 'starting' : 'down'
    if (this.#target) this.#tell('Restarting')
    if (live.state !== next) this.#tell(`State changed from ${live.state} to ${next}`)
    live.state = next
    live.stopping = true
    this.#onChange()
    this.#tell('Stopping all processes with SIGTERM')
    live.dyno?.stop()
  }

  #start(): void {
    const target = this.#target
    if (!target) return
    const {source} = this.#context
    const at = timestamp(source.now())
    const live: LiveDyno = {
      id: source.uuid(), app: this.app, name: this.name, type: this.#type, size: target.size, command: target.command,
      release: {id: target.release.id, version: target.release.version}, createdAt: at, updatedAt: at,
      state: 'starting', attachUrl: null, dyno: null, stopping: false,
    }
    if (this.#live && this.#live.state !== 'starting') this.#tell(`State changed from ${this.#live.state} to starting`)
    this.#live = live
    this.#running = true
    const {dyno, finished} = runDyno(live, {
      slug: target.slug, env: {}, terminal: null, timeToLiveMs: null, output: {kind: 'logged', copy: null}, endsAs: 'crashed',
    }, this.#context)
    dyno.onState(this.#onChange)
    void finished.then(() => this.#ended(live))
  }

  /** First crash: again at once. Then after a cool-off that doubles. devcenter.heroku.com/articles/dyno-restarts */
  #ended({stopping}: LiveDyno): void {
    this.#running = false
    if (!this.#target) this.#live = null
    else if (stopping) this.#start()
    else {
      const wait = coolOff(this.#crashes, this.app.settings.coolOffMs)
      this.#crashes += 1
      this.#retry = setTimeout(() => this.#start(), wait)
    }

    this.#onChange()
  }

  #tell(message: string): void {
    this.#context.logs.of(this.app).add('heroku', this.name, message)
  }
}

/** Milliseconds until a dyno that crashed so often in a row before is started again. */
export function coolOff(crashesBefore: number, base: number): number {
  return crashesBefore === 0 ? 0 : Math.min(base * 2 ** (crashesBefore - 1), base * 16)
}
