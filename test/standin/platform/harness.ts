import {execFile} from 'node:child_process'
import {randomBytes, randomUUID} from 'node:crypto'
import {mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {promisify} from 'node:util'
import {BuildFailure} from '../../../standin/builds/failure.ts'
import type {BuildHost} from '../../../standin/builds/contract.ts'
import type {DynoSpec} from '../../../standin/dynos/contract.ts'
import type {Platform} from '../../../standin/platform/start.ts'
import {startPlatform} from '../../../standin/platform/start.ts'
import {plainHost} from './plain-host.ts'

const run = promisify(execFile)

export type Json = Record<string, unknown>

export interface Reply<T = Json> {
  status: number
  headers: Headers
  body: T
}

/** The stand-in in this process, with dynos that have no jail, in a folder that goes with it. */
export interface Harness extends AsyncDisposable {
  platform: Platform
  dir: string
  /** what it wrote to standard error */
  complaints: string[]
  /** the dynos that were started */
  started: DynoSpec[]
  /** moves the stand-in's clock */
  advance(ms: number): void
  /** a request with token and Accept, unless `headers` say otherwise */
  api<T = Json>(method: string, path: string, body?: unknown, headers?: Record<string, string | null>): Promise<Reply<T>>
  /** an app with that name, or a new one, and settings of the stand-in */
  createApp(settings?: Json): Promise<string>
  /** releases a slug of those process types and files; answers what POST /releases answered */
  deploy(app: string, processTypes: Record<string, string>, files?: Record<string, string>): Promise<Reply>
  /** the app's log so far */
  log(app: string): Promise<string>
}

/** @param buildHost without one, every build fails before its first step */
export async function startHarness(dir?: string, buildHost: BuildHost = NO_BUILDS): Promise<Harness> {
  const folder = dir ?? await mkdtemp(join(tmpdir(), 'platform-'))
  const host = plainHost()
  const complaints: string[] = []
  let offset = 0
  const platform = await startPlatform({
    dir: folder, port: 0, host, buildHost, complain: message => complaints.push(message),
    source: {now: () => new Date(Date.now() + offset), uuid: () => randomUUID(), secret: bytes => randomBytes(bytes).toString('hex')},
  })

  const api: Harness['api'] = async (method, path, body, headers = {}) => {
    const all: Record<string, string | null> = {
      Accept: 'application/vnd.heroku+json; version=3.sdk', Authorization: `Bearer ${platform.token}`,
      ...(body !== undefined && {'Content-Type': 'application/json'}), ...headers,
    }
    const response = await fetch(`${platform.api}${path}`, {
      method, headers: Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null),
      ...(body !== undefined && {body: typeof body === 'string' ? body : JSON.stringify(body)}),
    })
    const text = await response.text()
    return {status: response.status, headers: response.headers, body: (text === '' ? null : JSON.parse(text)) as never}
  }

  return {
    platform, dir: folder, complaints, started: host.started, api,
    advance(ms) {
      offset += ms
    },
    async createApp(settings = {}) {
      const name = `app-${randomBytes(4).toString('hex')}`
      await expectStatus(201, api('POST', '/apps', {name}))
      await expectStatus(200, api('PATCH', `/standin/apps/${name}`, {graceMs: 2000, ...settings}))
      return name
    },
    async deploy(app, processTypes, files = {'app/README': 'hello\n'}) {
      const slug = await expectStatus(201, api<{id: string; blob: {url: string}}>('POST', `/apps/${app}/slugs`, {process_types: processTypes}))
      await upload(slug.body.blob.url, await makeSlug(files))
      return api('POST', `/apps/${app}/releases`, {slug: slug.body.id})
    },
    async log(app) {
      const session = await expectStatus(201, api<{logplex_url: string}>('POST', `/apps/${app}/log-sessions`, {lines: 1500}))
      return (await fetch(session.body.logplex_url)).text()
    },
    async [Symbol.asyncDispose]() {
      await platform.close()
      if (dir === undefined) await rm(folder, {recursive: true, force: true})
    },
  }
}

const NO_BUILDS: BuildHost = {open: () => Promise.reject(new BuildFailure('No builds here.'))}

/** Node's fetch gives a Buffer no Content-Type, and a Content-Length. */
export async function upload(url: string, bytes: Buffer): Promise<Response> {
  return fetch(url, {method: 'PUT', body: new Uint8Array(bytes)})
}

/** A tar.gz of these files. */
export async function makeSlug(files: Record<string, string>): Promise<Buffer> {
  const dir = await mkdtemp(join(tmpdir(), 'slug-'))
  try {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(dir, 'root', name)), {recursive: true})
      await writeFile(join(dir, 'root', name), text, {mode: 0o755})
    }

    await run('tar', ['-czf', join(dir, 'slug.tgz'), '-C', join(dir, 'root'), '--format=gnu', './app'])
    return await readFile(join(dir, 'slug.tgz'))
  } finally {
    await rm(dir, {recursive: true, force: true})
  }
}

export async function expectStatus<T>(status: number, reply: Promise<Reply<T>>): Promise<Reply<T>> {
  const got = await reply
  if (got.status !== status) throw new Error(`Status ${got.status} instead of ${status}: ${JSON.stringify(got.body)}`)
  return got
}

/** Asks again and again until the answer is what is waited for. */
export async function until<T>(what: string, ask: () => Promise<T> | T, is: (value: T) => boolean, ms = 10_000): Promise<T> {
  const end = Date.now() + ms
  for (;;) {
    const value = await ask()
    if (is(value)) return value
    if (Date.now() > end) throw new Error(`Waited ${ms} ms for ${what}; at last it was ${JSON.stringify(value)}`)
    await delay(25)
  }
}

/** A web process that answers every request with its dyno, release marker and path; Node's own path, as the dyno has none. */
export function webProcess(text: string): string {
  const program = `require("http").createServer((q,r)=>r.end("${text} "+process.env.DYNO+" "+q.url)).listen(process.env.PORT,"127.0.0.1")`
  return `exec '${process.execPath}' -e '${program}'`
}
