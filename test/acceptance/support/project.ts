import {execa} from 'execa'
import {cp, mkdir, readFile, rm, stat, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
/** The example's packages, fetched once for all runs: what they are changes with the mirror, and must not between two builds. */
const prepared = join(root, '.cache', 'example')

/** A Git repository with the example app. */
export class Project {
  readonly dir: string

  constructor(dir: string) {
    this.dir = dir
  }

  /** Makes one with a first commit. */
  static async example(dir: string): Promise<Project> {
    await fetchPackages()
    await mkdir(dir, {recursive: true})
    await cp(join(root, 'examples', 'flask'), dir, {recursive: true, filter: source => !source.includes('/.debs-')})
    await Promise.all(['debs', 'packages.json'].map(name => cp(join(prepared, name), join(dir, name), {recursive: true})))
    return Project.#committed(dir)
  }

  /** Makes one of a few files, for what needs no closure. */
  static async of(dir: string, files: Readonly<Record<string, string>>): Promise<Project> {
    await mkdir(dir, {recursive: true})
    const project = new Project(dir)
    await project.#write(files)
    return Project.#committed(dir)
  }

  static async #committed(dir: string): Promise<Project> {
    const project = new Project(dir)
    await project.#git('init', '--quiet', '--initial-branch=main')
    await project.#commit('Hello from Nix')
    return project
  }

  /** Writes files and commits them. */
  async change(files: Readonly<Record<string, string>>): Promise<void> {
    await this.#write(files)
    await this.#commit(`Change ${Object.keys(files).join(', ')}`)
  }

  async replace(file: string, from: string, to: string): Promise<void> {
    const text = await readFile(join(this.dir, file), 'utf8')
    if (!text.includes(from)) throw new Error(`${file} has no "${from}"`)
    await this.change({[file]: text.replace(from, to)})
  }

  async #write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(this.dir, name, '..'), {recursive: true})
      await writeFile(join(this.dir, name), text)
    }
  }

  async #commit(message: string): Promise<void> {
    await this.#git('add', '--all')
    await this.#git('-c', 'user.name=Example', '-c', 'user.email=user@example.com', 'commit', '--quiet', '--message', message)
  }

  async #git(...args: string[]): Promise<void> {
    await execa('git', args, {cwd: this.dir, env: {GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null'}})
  }
}

async function fetchPackages(): Promise<void> {
  if (await stat(join(prepared, 'packages.json')).catch(() => null)) return
  const scratch = `${prepared}.${process.pid}`
  await mkdir(scratch, {recursive: true})
  await execa(join(root, 'examples', 'flask', 'fetch-packages'), [scratch])
  await rm(prepared, {recursive: true, force: true})
  await cp(scratch, prepared, {recursive: true})
  await rm(scratch, {recursive: true})
}
