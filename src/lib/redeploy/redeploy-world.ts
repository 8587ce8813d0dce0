import type {Bucket} from '../bucket/bucket.ts'
import type {Platform} from '../platform/platform.ts'
import type {Support} from '../platform/supported.ts'
import type {App} from '../platform/types.ts'
import type {PublicKey} from '../signing/nix-key.ts'
import type {RunTimeScripts} from '../slug/run-time-scripts.ts'
import type {Toolbox} from '../tools/toolbox.ts'

/** How its user hears what a command does. */
export interface Telling {
  /** Does something that has a name; `result` is said after it. */
  step: <Value>(name: string, act: () => Promise<Value>, result?: (value: Value) => string) => Promise<Value>
  say: (line: string) => void
  warn: (text: string) => void
  /** Stands beside the step under way, where a terminal shows it. */
  status: (text: string) => void
  /** What others print: a release phase, a build. */
  output: (bytes: Uint8Array) => void
}

/** What releasing a build needs of the world. */
export interface RedeployWorld {
  app: App
  platform: Platform
  /** Asked while a dyno is watched: once, without patience. */
  impatient: Pick<Platform, 'dyno' | 'dynos' | 'logUrl'>
  bucket: Bucket
  /** NIX_SIGNING_KEY's */
  key: PublicKey
  scripts: RunTimeScripts
  tell: Telling
  now: () => Date
  random: (bytes: number) => Uint8Array
  wait: (milliseconds: number) => Promise<void>
  /** milliseconds, monotonic */
  elapsed: () => number
  dynos: {
    support: Support
    /** as Heroku names it; null: the app's default */
    size: string | null
    /** what they start from */
    toolbox: () => Promise<Toolbox>
    /** of the plugin */
    version: string
  }
}
