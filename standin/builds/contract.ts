import type {Readable} from 'node:stream'

/** What the Platform API asks of the machine that runs builds. The jail behind it is nobody else's business. */
export interface BuildHost {
  /** An empty /app and /tmp for one build. What takes long before that (the image of the first build) is reported. */
  open(report: (what: string) => void): Promise<BuildRoom>
}

/** Where one build runs: an unprivileged user with an /app and a /tmp of its own, which its steps share. */
export interface BuildRoom {
  run(step: BuildStep): RunningStep
  /** SIGKILL to all that runs here; nothing starts here any more. */
  kill(): void
  /** Kills, and removes all files. */
  close(): Promise<void>
}

export interface BuildStep {
  argv: readonly string[]
  /** all of it */
  env: Readonly<Record<string, string>>
  /** standard input; null: none */
  input: Readable | null
  /** `together`: standard error goes where standard output does, in its order */
  output: 'apart' | 'together'
}

export interface RunningStep {
  output: Readable
  /** standard error where it is apart, and complaints of the jail */
  errors: Promise<string>
  /** as bash reports it: 128 + signal where a signal ended it */
  ended: Promise<number>
}
