import {randomInt, randomUUID} from 'node:crypto'
import {mkdir, readdir} from 'node:fs/promises'
import {join} from 'node:path'
import {PassThrough} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {makeFolder} from '../dynos/dyno.ts'
import {removeFolder} from '../dynos/folder.ts'
import type {DynoImage} from '../dynos/image.ts'
import type {JailPlan, Privilege} from '../dynos/jail.ts'
import type {JailedProcess} from '../dynos/process.ts'
import {startJailed} from '../dynos/process.ts'
import type {BuildHost, BuildRoom, BuildStep, RunningStep} from './contract.ts'

export interface BuildHostOptions {
  /** where builds have their files while they run; this host's alone: what an ended one left there is removed */
  dir: string
  privilege: Privilege
  /** asked for by each build, so that who never builds makes no image */
  image: (report: (what: string) => void) => Promise<DynoImage>
}

/** Builds in the jail of dynos, in which a build image takes the place of the run image. */
export async function createBuildHost({dir, privilege, image}: BuildHostOptions): Promise<BuildHost> {
  await mkdir(dir, {recursive: true})
  await Promise.all((await readdir(dir)).filter(name => name.startsWith(PREFIX)).map(name => removeFolder(join(dir, name))))
  return {
    async open(report) {
      const made = await image(report)
      const folder = join(dir, `${PREFIX}${randomUUID()}`)
      // Below the users of dynos, so that no build shares its processes' owner with one.
      const user = randomInt(10_000, 20_000)
      return new JailedRoom(folder, await makeFolder({folder, user, image: made, privilege}))
    },
  }
}

const PREFIX = 'build-'

class JailedRoom implements BuildRoom {
  readonly #folder: string
  readonly #plan: JailPlan
  readonly #running = new Set<JailedProcess>()
  #killed = false

  constructor(folder: string, plan: JailPlan) {
    this.#folder = folder
    this.#plan = plan
  }

  run({argv, env, input, output}: BuildStep): RunningStep {
    if (this.#killed) {
      input?.destroy()
      return {output: new PassThrough().end(), errors: Promise.resolve(''), ended: Promise.resolve(128 + 9)}
    }

    const step = startJailed(this.#plan, {
      user: this.#plan.user, threads: null, mode: {kind: output === 'together' ? 'pipes' : 'plain'}, argv, env,
    }, 'pipe', () => Promise.resolve())
    this.#running.add(step)
    if (step.input) {
      // The step may end without reading all of it; its status tells whether that was right.
      if (input) pipeline(input, step.input).catch(() => undefined)
      else step.input.end()
    }

    const ended = step.ended.finally(() => this.#running.delete(step))
    return {output: step.output, errors: step.complaints, ended}
  }

  kill(): void {
    this.#killed = true
    for (const step of this.#running) step.kill()
  }

  async close(): Promise<void> {
    this.kill()
    await Promise.all([...this.#running].map(({ended}) => ended))
    await removeFolder(this.#folder)
  }
}
