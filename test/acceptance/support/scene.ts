import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'

import {startCeph} from '../../../standin/bucket/ceph.ts'
import type {Ceph} from '../../../standin/bucket/contract.ts'
import {HerokuCli, type Ran} from './cli.ts'
import type {Project} from './project.ts'
import {Standin} from './standin.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

export const BUCKET = 'nix-cache'

/** One Heroku, one Ceph and one CLI for all journeys: a closure that one has built serves the next. */
export class Scene {
  readonly dir: string
  readonly ceph: Ceph
  readonly standin: Standin
  readonly cli: HerokuCli

  private constructor(dir: string, ceph: Ceph, standin: Standin, cli: HerokuCli) {
    this.dir = dir
    this.ceph = ceph
    this.standin = standin
    this.cli = cli
  }

  static async open(): Promise<Scene> {
    const dir = await mkdtemp(join(tmpdir(), 'acceptance-'))
    const ceph = await startCeph({dir: join(dir, 'ceph')})
    await ceph.createBucket(BUCKET)
    const standin = await Standin.start(join(dir, 'standin'), {...ceph, endpoint: ceph.endpoint, key: ceph.key, secret: ceph.secret, region: ceph.region, bucket: BUCKET})
    const cli = new HerokuCli({...standin.ready.env, HEROKU_NIX_TOOLS: join(root, '.cache', 'tools', 'tools.lock.json')})
    await cli.done(['plugins:link', '--no-install', root], {cwd: dir})
    return new Scene(dir, ceph, standin, cli)
  }

  /** An app of that name; `heroku` then runs in the project's folder. */
  async app(name: string, project: Project): Promise<App> {
    await this.cli.done(['apps:create', name], {cwd: project.dir})
    return new App(name, project, this)
  }

  async close(): Promise<void> {
    // What every command printed, for whoever wants to read along or wonders about a failure.
    const transcript = process.env['ACCEPTANCE_TRANSCRIPT']
    if (transcript !== undefined) await writeFile(transcript, this.cli.transcript)
    await this.standin.stop()
    await this.ceph.close()
    await rm(this.dir, {recursive: true, force: true})
  }
}

export class App {
  readonly name: string
  readonly project: Project
  readonly #scene: Scene

  constructor(name: string, project: Project, scene: Scene) {
    this.name = name
    this.project = project
    this.#scene = scene
  }

  setUp(): Promise<Ran> {
    const {endpoint, key, secret, region} = this.#scene.ceph
    return this.#scene.cli.done(
      ['nix:setup', '--app', this.name, '--bucket', BUCKET, '--endpoint', endpoint, '--region', region, '--key', key, '--secret-stdin', '--confirm', this.name],
      {cwd: this.project.dir, input: secret},
    )
  }

  /** A command of the CLI that has to succeed. */
  heroku(...args: string[]): Promise<Ran> {
    return this.#scene.cli.done([...args, '--app', this.name], {cwd: this.project.dir})
  }

  /** A command of the CLI, however it ends. */
  tryHeroku(...args: string[]): Promise<Ran> {
    return this.#scene.cli.run([...args, '--app', this.name], {cwd: this.project.dir})
  }

  /** What a command prints with --json. */
  async json(...args: string[]): Promise<Record<string, unknown>> {
    const {stdout} = await this.heroku(...args, '--json')
    return JSON.parse(stdout) as Record<string, unknown>
  }

  /** The page that the app's web dynos serve. The router waits for dynos that start. */
  async page(): Promise<{status: number; text: string}> {
    const {web_url: url} = await this.#scene.standin.api('GET', `/apps/${this.name}`) as {web_url: string}
    const response = await fetch(url)
    return {status: response.status, text: await response.text()}
  }

  async releases(): Promise<{version: number; slug: {id: string} | null; status: string}[]> {
    return await this.#scene.standin.api('GET', `/apps/${this.name}/releases`) as {version: number; slug: {id: string} | null; status: string}[]
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
