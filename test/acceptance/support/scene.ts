import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'

import {cephObstacle, startCeph} from '../../../standin/bucket/ceph.ts'
import type {Ceph} from '../../../standin/bucket/contract.ts'
import type {BucketAccess} from '../../support/s3.ts'
import {keys} from '../../../src/lib/bucket/keys.ts'
import {readObjects} from './bucket.ts'
import {HerokuCli, type Ran, type RunningCli} from './cli.ts'
import {packedPlugin} from './packed-plugin.ts'
import type {Project} from './project.ts'
import {Standin} from './standin.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

const BUCKET = 'nix-cache'

/** One Heroku, one Ceph and one CLI for all journeys: a closure that one has built serves the next. */
export class Scene {
  readonly dir: string
  readonly bucket: BucketAccess
  readonly standin: Standin
  readonly cli: HerokuCli
  readonly #ceph: Ceph | null

  private constructor(dir: string, ceph: Ceph | null, standin: Standin, cli: HerokuCli) {
    this.dir = dir
    this.bucket = standin.ready.s3
    this.standin = standin
    this.cli = cli
    this.#ceph = ceph
  }

  static async open(): Promise<Scene> {
    const dir = await mkdtemp(join(tmpdir(), 'acceptance-'))
    const ceph = await openCeph(join(dir, 'ceph'))
    const standin = await Standin.start(join(dir, 'standin'), ceph === null ? null : {...accessTo(ceph), bucket: BUCKET})
    const cli = new HerokuCli({...standin.ready.env, HEROKU_NIX_TOOLS: join(root, '.cache', 'tools', 'tools.lock.json')})
    await cli.done(['plugins:link', '--no-install', await packedPlugin(root, join(dir, 'plugin'))], {cwd: dir})
    return new Scene(dir, ceph, standin, cli)
  }

  /** An app of that name; `heroku` then runs in the project's folder. @param bucket of its own, which nix:setup makes; else the scene's */
  async app(name: string, project: Project, bucket = this.bucket.bucket): Promise<App> {
    await this.cli.done(['apps:create', name], {cwd: project.dir})
    return new App(name, project, this, {...this.bucket, bucket})
  }

  async close(): Promise<void> {
    // What every command printed, for whoever wants to read along or wonders about a failure.
    const transcript = process.env['ACCEPTANCE_TRANSCRIPT']
    if (transcript !== undefined) await writeFile(transcript, this.cli.transcript)
    await this.standin.stop()
    await this.#ceph?.close()
    await rm(this.dir, {recursive: true, force: true})
  }
}

/** Ceph with a bucket; null where it cannot run, and the stand-in's own server takes its place. */
async function openCeph(dir: string): Promise<Ceph | null> {
  const obstacle = await cephObstacle()
  if (obstacle !== null) {
    console.error(`\n  Not against Ceph but against the embedded bucket: ${obstacle.message}\n`)
    return null
  }

  const ceph = await startCeph({dir})
  await ceph.createBucket(BUCKET)
  return ceph
}

/** The fields by name: they are getters of a class. */
function accessTo({endpoint, region, key, secret}: Ceph): Omit<BucketAccess, 'bucket'> {
  return {endpoint, region, key, secret}
}

export class App {
  readonly name: string
  readonly project: Project
  readonly bucket: BucketAccess
  readonly #scene: Scene

  constructor(name: string, project: Project, scene: Scene, bucket: BucketAccess) {
    this.name = name
    this.project = project
    this.bucket = bucket
    this.#scene = scene
  }

  /** The same app, with commands run in another project's folder. */
  in(project: Project): App {
    return new App(this.name, project, this.#scene, this.bucket)
  }

  /** @param s3 another way to its bucket */
  async setUp(s3?: BucketAccess, ...more: string[]): Promise<void> {
    const {exitCode, all} = await this.trySetUp(s3, ...more)
    if (exitCode !== 0) throw new Error(`heroku nix:setup exited with ${exitCode}:\n${all}`)
  }

  trySetUp({endpoint, region, bucket, key, secret}: BucketAccess = this.bucket, ...more: string[]): Promise<Ran> {
    return this.#scene.cli.run([
      'nix:setup', '--app', this.name, '--bucket', bucket, '--endpoint', endpoint, '--region', region, '--key', key, '--secret-stdin', '--confirm', this.name, ...more,
    ], {cwd: this.project.dir, input: secret})
  }

  /** A command of the CLI that has to succeed. */
  heroku(...args: string[]): Promise<Ran> {
    return this.#scene.cli.done([...args, '--app', this.name], {cwd: this.project.dir})
  }

  /** A command of the CLI, however it ends. */
  tryHeroku(...args: string[]): Promise<Ran> {
    return this.#scene.cli.run([...args, '--app', this.name], {cwd: this.project.dir})
  }

  /** A command of the CLI that goes on while the test does something. */
  startHeroku(...args: string[]): RunningCli {
    return this.#scene.cli.start([...args, '--app', this.name], {cwd: this.project.dir})
  }

  /** Runs a command line on a one-off dyno, as `heroku run` has it. */
  run(command: string, ...flags: string[]): Promise<Ran> {
    return this.#scene.cli.done(['run', '--no-tty', '--app', this.name, ...flags, '--', command], {cwd: this.project.dir})
  }

  /** What a command prints with --json. */
  async json(...args: string[]): Promise<Record<string, unknown>> {
    const {stdout} = await this.heroku(...args, '--json')
    return JSON.parse(stdout) as Record<string, unknown>
  }

  /** The page that the app's web dynos serve. The router waits for dynos that start. */
  async page(): Promise<{status: number; text: string}> {
    const {web_url: url} = await this.api('GET', '') as {web_url: string}
    const response = await fetch(url)
    return {status: response.status, text: await response.text()}
  }

  /** The id of the build that a dyno was asked for last. */
  async lastBuild(): Promise<string> {
    const posts = await this.requests('POST', '/dynos')
    const id = /\d{8}-\d{6}-[0-9a-z]{4}/.exec(String(posts.at(-1)?.body['command']))?.[0]
    if (id === undefined) throw new Error(`${this.name} had no build`)
    return id
  }

  /** Names of the one-off dynos that there are. */
  async oneOffs(): Promise<string[]> {
    const dynos = await this.api('GET', '/dynos') as {name: string}[]
    return dynos.map(({name}) => name).filter(name => name.startsWith('run.'))
  }

  /** A build's record, as it lies in the bucket. */
  async record(build: string): Promise<Record<string, unknown>> {
    const [text] = await readObjects(this.bucket, keys.record(this.name, build)).then(found => [...found.values()])
    return JSON.parse(text?.toString() ?? 'null') as Record<string, unknown>
  }

  /** The app's log until a line holds all of the given; a line that came before counts too. */
  async logUntil(...parts: string[]): Promise<string> {
    const {logplex_url: url} = await this.api('POST', '/log-sessions', {lines: 1000, tail: true}) as {logplex_url: string}
    const response = await fetch(url)
    let log = ''
    for await (const chunk of response.body ?? []) {
      log += Buffer.from(chunk).toString()
      if (log.split('\n').some(line => parts.every(part => line.includes(part)))) return log
    }

    throw new Error(`The log ended without a line that holds ${parts.join(' and ')}:\n${log}`)
  }

  /** A call of the Platform API below the app's path. */
  api(method: string, path: string, body?: unknown): Promise<unknown> {
    return this.#scene.standin.api(method, `/apps/${this.name}${path}`, body)
  }

  async releases(): Promise<{version: number; slug: {id: string} | null; status: string}[]> {
    return await this.api('GET', '/releases') as {version: number; slug: {id: string} | null; status: string}[]
  }

  /** Requests to the API that had this method and a path that ends so. */
  async requests(method: string, ending: string): Promise<{body: Record<string, unknown>; status: number | null}[]> {
    const all = await this.#scene.standin.api('GET', '/standin/requests') as {method: string; path: string; body: Record<string, unknown>; status: number | null}[]
    return all.filter(entry => entry.method === method && entry.path === `/apps/${this.name}${ending}`)
  }
}

let shared: Promise<Scene> | undefined

/** The scene of all tests of this process; opened when first asked for, closed at the end. */
export function sharedScene(): Promise<Scene> {
  shared ??= Scene.open()
  return shared
}

// A root hook: mocha runs it once, after the last test of all files.
after(async function () {
  this.timeout(60_000)
  await (await shared)?.close()
})
