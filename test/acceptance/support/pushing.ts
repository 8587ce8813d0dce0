import {execa} from 'execa'
import {cp, mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {fileURLToPath, pathToFileURL} from 'node:url'
import {Project} from './project.ts'
import type {App, Scene} from './scene.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** An app that is set up, whose project is pushed with the real git. */
export class Pushing {
  readonly app: App
  readonly #scene: Scene

  private constructor(app: App, scene: Scene) {
    this.app = app
    this.#scene = scene
  }

  /** @param before URLs of buildpacks before ours */
  static async open(scene: Scene, name: string, files: Readonly<Record<string, string>>, before: readonly string[] = []): Promise<Pushing> {
    const app = await scene.app(name, await Project.of(join(scene.dir, name), files))
    await app.api('PUT', '/buildpack-installations', {updates: before.map(buildpack => ({buildpack}))})
    await app.setUp(undefined, '--buildpack-url', await buildpackFolder(join(scene.dir, 'heroku-nix')))
    return new Pushing(app, scene)
  }

  async git(...args: string[]): Promise<{exitCode: number; all: string}> {
    const {exitCode = -1, all} = await execa('git', args, {
      cwd: this.app.project.dir, all: true, reject: false, extendEnv: false,
      env: {...this.#scene.standin.ready.env, PATH: process.env['PATH'] ?? ''},
    })
    return {exitCode, all}
  }

  push(): Promise<{exitCode: number; all: string}> {
    return this.git('push', '--force', `${this.#scene.standin.ready.api}/${this.app.name}.git`, 'HEAD:main')
  }

  /** `git commit ARGS…` @returns the commit's hash */
  async commit(...args: string[]): Promise<string> {
    await this.git('-c', 'user.name=Example', '-c', 'user.email=user@example.com', 'commit', '--quiet', ...args)
    return this.revision('HEAD')
  }

  async revision(name: string): Promise<string> {
    return (await this.git('rev-parse', name)).all.trim()
  }
}

/** Our buildpack as it lies here, and not as it is in a commit. @returns its URL */
async function buildpackFolder(folder: string): Promise<string> {
  await mkdir(join(folder, 'bin'), {recursive: true})
  await cp(join(root, 'buildpack'), join(folder, 'buildpack'), {recursive: true})
  await Promise.all(['detect', 'compile', 'release', 'report'].map(name => cp(join(root, 'bin', name), join(folder, 'bin', name))))
  return pathToFileURL(folder).href
}
