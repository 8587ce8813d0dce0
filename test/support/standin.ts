import {spawn} from 'node:child_process'
import type {ChildProcess, ChildProcessWithoutNullStreams} from 'node:child_process'
import {once} from 'node:events'
import {mkdir, readFile, writeFile} from 'node:fs/promises'
import {Socket} from 'node:net'
import {delimiter, dirname, join} from 'node:path'
import {createInterface} from 'node:readline'
import {text} from 'node:stream/consumers'

const ROOT = join(import.meta.dirname, '..', '..')

/** What bin/standin prints. */
export interface StandinLine {
  pid: number
  /** the folder that holds everything */
  state: string
  api: string
  token: string
  ca: string
  rendezvous: string
  s3: {endpoint: string; bucket: string; key: string; secret: string; region: string}
  env: Record<string, string>
}

export interface StandinOptions {
  /** kept after the end, so that another stand-in can take it up */
  state?: string
  args?: readonly string[]
  env?: Readonly<Record<string, string>>
}

export interface Finished {
  /** 128 + signal, as a shell has it, where a signal ended it */
  code: number
  stdout: string
  stderr: string
}

export interface HerokuOptions {
  /** standard input, which otherwise is empty */
  input?: string | Buffer
  env?: Readonly<Record<string, string>>
  cwd?: string
}

/** As POST /standin/faults takes it; standin/README.md lists them. */
export type Fault =
  | {kind: 'status'; method: string; route: string; status: number; count?: number; id?: string; message?: string; retryAfter?: number}
  | {kind: 'reset'; method: string; route: string; when: 'after' | 'before'; count?: number}
  | {kind: 'stall'; method: string; route: string; ms?: number; count?: number}
  | {kind: 'kill-dyno'; app?: string; dyno?: string; count?: number; line: string}
  | {kind: 'kill-dyno'; app?: string; dyno?: string; count?: number; afterMs: number}

export interface JournalEntry {
  at: string
  method: string
  path: string
  body: unknown
  status: number | null
  outcome: string
}

export interface Reply<T> {
  status: number
  headers: Headers
  body: T
}

/** The real stand-in as a child process, with the real CLI pointed at it. */
export interface Standin extends AsyncDisposable {
  readonly line: StandinLine
  /** what it wrote to standard error so far */
  stderr(): string
  /** creates an app; `settings` are those of PATCH /standin/apps/NAME */
  createApp(name: string, settings?: Readonly<Record<string, unknown>>): Promise<{id: string; web_url: string}>
  /** a request to the API with token and Accept */
  api<T = Record<string, unknown>>(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Reply<T>>
  inject(fault: Fault): Promise<void>
  /** the requests that came so far, oldest first; those of the stand-in's own routes are left out */
  requests(): Promise<JournalEntry[]>
  /** runs the real CLI to its end */
  heroku(args: readonly string[], options?: HerokuOptions): Promise<Finished>
  /** starts the real CLI, for tests that break it off */
  spawnHeroku(args: readonly string[], options?: Omit<HerokuOptions, 'input'>): ChildProcessWithoutNullStreams
  /** makes the CLI know the plugin in this checkout, which must be built */
  linkPlugin(): Promise<void>
  /** SIGTERM, and waits for the end; its exit status, null where a signal ended it */
  stop(): Promise<number | null>
}

/** Children that are still there when the tests end, however they end. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGTERM')
})

/** Starts bin/standin. @throws Error with its standard error when it ends before it is ready */
export async function startStandin({state, args = [], env = {}}: StandinOptions = {}): Promise<Standin> {
  const child = spawn(join(ROOT, 'bin', 'standin'), [...(state === undefined ? [] : ['--state', state]), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'], env: {...process.env, ...env},
  })
  running.add(child)
  const exited = once(child, 'close').then(() => running.delete(child))
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    complaints += chunk
  })
  const [first] = await Promise.race([
    once(createInterface(child.stdout), 'line') as Promise<[string]>,
    exited.then(() => {
      throw new Error(`bin/standin ended with ${child.exitCode ?? child.signalCode ?? 'nothing'}: ${complaints}`)
    }),
  ])
  const line = JSON.parse(first) as StandinLine
  // A test that forgets to stop it must not keep the test run from ending.
  const handles = [child, ...[child.stdout, child.stderr].filter(stream => stream instanceof Socket)]
  for (const handle of handles) handle.unref()

  const api: Standin['api'] = async (method, path, body, headers = {}) => {
    const response = await fetch(`${line.api}${path}`, {
      method,
      headers: {
        Accept: 'application/vnd.heroku+json; version=3.sdk', Authorization: `Bearer ${line.token}`,
        ...(body !== undefined && {'Content-Type': 'application/json'}), ...headers,
      },
      ...(body !== undefined && {body: JSON.stringify(body)}),
    })
    const answer = await response.text()
    return {status: response.status, headers: response.headers, body: (answer === '' ? null : JSON.parse(answer)) as never}
  }

  const expectSuccess = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const {status, body: answer} = await api<T>(method, path, body)
    if (status >= 300) throw new Error(`${method} ${path} answered ${status}: ${JSON.stringify(answer)}`)
    return answer
  }

  const spawnHeroku: Standin['spawnHeroku'] = (argv, {env: more = {}, cwd} = {}) => spawn(join(ROOT, 'node_modules', '.bin', 'heroku'), argv, {
    cwd: cwd ?? line.env['HOME'],
    // Nothing of the tests' own environment but PATH, in which the Node that runs them comes first.
    env: {PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter), ...line.env, ...more},
  })

  const stop = async () => {
    for (const handle of handles) handle.ref()
    child.kill('SIGTERM')
    await exited
    return child.exitCode
  }

  return {
    line, api, spawnHeroku, stop, [Symbol.asyncDispose]: () => stop().then(() => undefined),
    stderr: () => complaints,
    async createApp(name, settings) {
      const app = await expectSuccess<{id: string; web_url: string}>('POST', '/apps', {name})
      if (settings) await expectSuccess('PATCH', `/standin/apps/${name}`, settings)
      return app
    },
    async inject(fault) {
      await expectSuccess('POST', '/standin/faults', fault)
    },
    requests: () => expectSuccess<JournalEntry[]>('GET', '/standin/requests'),
    async heroku(argv, {input = '', ...options} = {}) {
      const cli = spawnHeroku(argv, options)
      running.add(cli)
      // The CLI may end without reading its input.
      cli.stdin.on('error', () => undefined)
      cli.stdin.end(input)
      const closed = once(cli, 'close') as Promise<[number | null, NodeJS.Signals | null]>
      const [stdout, stderr, [code, signal]] = await Promise.all([text(cli.stdout), text(cli.stderr), closed])
      running.delete(cli)
      return {code: code ?? 128 + (SIGNALS[signal ?? ''] ?? 0), stdout, stderr}
    },
    async linkPlugin() {
      const {name} = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {name: string}
      const folder = join(line.env['XDG_DATA_HOME'] ?? '', 'heroku')
      await mkdir(folder, {recursive: true})
      // What `heroku plugins:link --no-install` writes.
      await writeFile(join(folder, 'package.json'), JSON.stringify({
        oclif: {plugins: [{name, root: ROOT, type: 'link'}], schema: 1}, private: true, dependencies: {},
      }))
    },
  }
}

const SIGNALS: Readonly<Record<string, number>> = {SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGPIPE: 13, SIGTERM: 15}
