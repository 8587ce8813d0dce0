import type {Readable, Writable} from 'node:stream'
import type {MemoryEvent} from './memory-use.ts'

/** What the Platform API asks of the machine that runs dynos. The jail behind it is nobody else's business. */
export interface DynoHost {
  start(spec: DynoSpec): Dyno
  /** Reads a slug as Heroku's slug compiler would: gzip, `./app`, size. Never throws for a bad slug. */
  inspectSlug(file: string): Promise<SlugInspection>
  /** Ends every dyno with SIGKILL and removes their folders. */
  close(): Promise<void>
}

export interface DynoSpec {
  /** `web.1`, `run.1234` */
  name: string
  /** as the API got it; run by `bash --login -c`, after `.profile.d/*.sh` */
  command: string
  /** config vars, DYNO, and what POST /dynos named; HOME, PATH and PORT are the host's to set */
  env: Readonly<Record<string, string>>
  /** path of the slug's tar.gz; null: an app that never had one, whose /app is empty */
  slug: string | null
  /** null: pipes, no terminal */
  terminal: {columns: number; rows: number} | null
  /** web dynos get a PORT and an address of their own, and must bind within `bootTimeout` (R10) */
  web: {bootTimeoutMs: number} | null
  /** SIGTERM when it has passed */
  timeToLiveMs: number | null
  /** between SIGTERM and SIGKILL */
  graceMs: number
  /** processes and threads, as Heroku's dyno sizes have it */
  maxThreads: number | null
  /** bytes */
  memory: number | null
  /**
   * What ends where it takes more: the process that asks for it, as the kernel does in Private Spaces and on Fir; or the whole dyno,
   * as in the Common Runtime, which lets it have twice as much (R14, R15).
   */
  overrun: 'dyno' | 'process'
  /** Heroku's daily restart; null: never */
  cycleMs: number | null
}

export type DynoState = 'crashed' | 'down' | 'starting' | 'up'

export interface DynoEnd {
  /** as bash reports it: 128 + signal where a signal ended it */
  status: number
  reason: 'boot-timeout' | 'cycled' | 'exited' | 'killed' | 'memory' | 'stopped' | 'time-to-live'
}

export interface Dyno {
  readonly name: string
  readonly state: DynoState
  /** Where the router finds a web dyno: its own loopback address, known before it is up; null for others. */
  readonly address: {host: string; port: number} | null
  readonly input: Writable
  /** Standard output and standard error together, as Heroku has them. */
  readonly output: Readable
  onState(listener: (state: DynoState) => void): void
  onMemory(listener: (event: MemoryEvent) => void): void
  readonly ended: Promise<DynoEnd>
  /** SIGTERM to every process of the dyno, SIGKILL after its grace. */
  stop(): void
  /** SIGKILL now, as when Heroku's host fails. */
  kill(): void
  /** SIGHUP: the rendezvous connection of an attached dyno broke. */
  hangup(): void
}

export type SlugInspection =
  | {kind: 'ok'; compressedSize: number; droppedOutsideApp: string[]}
  | {kind: 'refused'; reason: string}
