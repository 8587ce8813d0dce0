import {execa} from 'execa'
import {createHash} from 'node:crypto'
import {cp, mkdir, readFile, rename, stat, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const example = join(root, 'examples', 'flask')

/** A Git repository with the example app. */
export class Project {
  readonly dir: string

  constructor(dir: string) {
    this.dir = dir
  }

  /** Makes one with a first commit. */
  static async example(dir: string): Promise<Project> {
    const packages = await fetchPackages()
    await mkdir(dir, {recursive: true})
    await cp(example, dir, {recursive: true, filter: source => !source.includes('/.debs-')})
    await Promise.all(['debs', 'packages.json'].map(name => cp(join(packages, name), join(dir, name), {recursive: true})))
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

/** The example's packages, fetched once for all runs: they change with the mirror, and must not between two builds. */
async function fetchPackages(): Promise<string> {
  const script = join(example, 'fetch-packages')
  const version = createHash('sha256').update(await readFile(script)).digest('hex').slice(0, 12)
  const folder = join(root, '.cache', `example-${version}`)
  if (await stat(folder).catch(() => null)) return folder
  const scratch = `${folder}.${process.pid}`
  await mkdir(scratch, {recursive: true})
  await execa(script, [scratch])
  await rename(scratch, folder)
  return folder
}
