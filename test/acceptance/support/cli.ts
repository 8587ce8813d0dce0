import {execa, type ResultPromise} from 'execa'
import {fileURLToPath} from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** What a finished command left. */
export interface Ran {
  exitCode: number
  stdout: string
  stderr: string
  /** both, as they came */
  all: string
  /** both as one line: the CLI breaks the lines of errors where they happen to be long */
  text: string
}

export interface CliOptions {
  cwd: string
  input?: string
  /** beside the stand-in's */
  env?: Readonly<Record<string, string>>
}

export type RunningCli = ResultPromise<{all: true; reject: false}>

/** The real heroku CLI with the plugin linked; its environment is the stand-in's and nothing of this process's but PATH. */
export class HerokuCli {
  readonly #env: Readonly<Record<string, string>>
  readonly #transcript: string[] = []

  constructor(env: Readonly<Record<string, string>>) {
    this.#env = env
  }

  /** All that commands printed so far, each after its line of arguments. */
  get transcript(): string {
    return this.#transcript.join('\n')
  }

  start(args: readonly string[], {cwd, input, env = {}}: CliOptions): RunningCli {
    return execa('heroku', args, {
      cwd, all: true, reject: false, extendEnv: false,
      ...(input === undefined ? {stdin: 'ignore' as const} : {input}),
      env: {
        ...this.#env, ...env,
        PATH: `${root}node_modules/.bin:${root}.tools/node_modules/.bin:${process.env['PATH'] ?? ''}`,
      },
    }) as RunningCli
  }

  async run(args: readonly string[], options: CliOptions): Promise<Ran> {
    const {exitCode = -1, stdout, stderr, all} = await this.start(args, options)
    this.#transcript.push(`$ heroku ${args.join(' ')}`, all)
    return {exitCode, stdout, stderr, all, text: all.replaceAll(/\s+(› +)?/g, ' ')}
  }

  /** As `run`, for a command that has to succeed. */
  async done(args: readonly string[], options: CliOptions): Promise<Ran> {
    const ran = await this.run(args, options)
    if (ran.exitCode !== 0) throw new Error(`heroku ${args.join(' ')} exited with ${ran.exitCode}:\n${ran.all}`)
    return ran
  }
}
