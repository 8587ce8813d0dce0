import {execFile} from 'node:child_process'
import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {promisify} from 'node:util'

import {StandinError} from '../errors.ts'

const run = promisify(execFile)

export interface Package {
  name: string
  version: string
  /** the .deb */
  file: string
}

/** apt with a state and a cache of its own: it believes that nothing is installed, and changes nothing of the machine's. */
export class Apt {
  private readonly dir: string
  private readonly sources: string | null
  private lists: string

  private constructor(dir: string, sources: string | null) {
    this.dir = dir
    this.sources = sources
    this.lists = sources === null ? '/var/lib/apt/lists' : join(dir, 'lists')
  }

  /**
   * @param dir holds what was downloaded, and may be used again
   * @param sources lines of sources.list(5); null: the machine's own
   */
  static async open(dir: string, sources: string | null = null): Promise<Apt> {
    await Promise.all(['lists/partial', 'cache/archives/partial'].map(name => mkdir(join(dir, name), {recursive: true})))
    await writeFile(join(dir, 'status'), '')
    if (sources !== null) await writeFile(join(dir, 'sources.list'), sources)
    return new Apt(dir, sources)
  }

  /** Names of all packages that there are. Uses the machine's own lists where it has them. */
  async available(): Promise<Set<string>> {
    const own = await this.names()
    if (own.has('bash')) {
      return own
    }

    await this.update()
    const updated = await this.names()
    // apt-get ends well without a single list.
    if (!updated.has('bash')) {
      throw new StandinError('apt found no package bash where the packages of the dynos\' image are to come from.', this.sources === null
        ? ['apt-get update   (as root; then try again)']
        : ['Is UBUNTU_MIRROR right? It is a URL such as http://mirror.example.com/ubuntu', 'apt-get install ubuntu-archive-keyring   (as root; the mirror is checked with its keys)'])
    }

    return updated
  }

  /** Downloads packages and what they depend on; recommended ones are left out, as in Heroku's image. */
  async download(names: readonly string[]): Promise<Package[]> {
    try {
      await this.apt('apt-get', ['install', '--yes', '--no-install-recommends', '--download-only', ...names])
    } catch {
      // Lists that have aged name versions that the mirror no longer has.
      await this.update()
      await this.apt('apt-get', ['install', '--yes', '--no-install-recommends', '--download-only', ...names])
    }

    const plan = await this.apt('apt-get', ['install', '--simulate', '--yes', '--no-install-recommends', ...names])
    return installedBy(plan).map(({name, version, architecture}) => ({
      name, version, file: join(this.dir, 'cache/archives', `${name}_${version.replaceAll(':', '%3a')}_${architecture}.deb`),
    }))
  }

  private async names(): Promise<Set<string>> {
    const text = await this.apt('apt-cache', ['dumpavail'])
    return new Set(Array.from(text.matchAll(/^Package: (.+)$/gm), ([, name = '']) => name))
  }

  private async update(): Promise<void> {
    this.lists = join(this.dir, 'lists')
    await this.apt('apt-get', ['update'])
  }

  /** Where packages come from, and that no other place does. */
  private sourceOptions(): Record<string, string> {
    return this.sources === null ? {} : {'Dir::Etc::sourcelist': join(this.dir, 'sources.list'), 'Dir::Etc::sourceparts': '/dev/null'}
  }

  private async apt(program: 'apt-cache' | 'apt-get', words: readonly string[]): Promise<string> {
    const options = {
      'APT::Sandbox::User': 'root',
      'Debug::NoLocking': 'true',
      'Dir::Cache': join(this.dir, 'cache'),
      // Docker's images turn these two off.
      'Dir::Cache::pkgcache': 'pkgcache.bin',
      'Dir::Cache::srcpkgcache': 'srcpkgcache.bin',
      'Dir::State::lists': this.lists,
      'Dir::State::status': join(this.dir, 'status'),
      'Dir::State::extended_states': join(this.dir, 'extended_states'),
      ...this.sourceOptions(),
    }
    try {
      const {stdout} = await run(program, [...Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]), ...words], {
        env: {...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C'}, maxBuffer: 1024 * 1024 * 1024,
      })
      return stdout
    } catch (error) {
      const {stderr = '', message} = error as Error & {stderr?: string}
      throw new StandinError(`apt cannot get the packages of the dynos' image: ${stderr.trim() || message}`, [
        'apt-get update   (as root; then try again)',
      ], {cause: error})
    }
  }
}

/** Signed by Ubuntu's keys, which Debian has in the package ubuntu-archive-keyring. */
export function ubuntuSources(mirror: string, suite: string): string {
  return ['', '-updates', '-security'].map(pocket =>
    `deb [arch=amd64 signed-by=/usr/share/keyrings/ubuntu-archive-keyring.gpg] ${mirror} ${suite}${pocket} main universe\n`).join('')
}

/** Reads `apt-get --simulate install`: lines like `Inst libc6 (2.36-9 Debian:12.11/stable [amd64])`. */
export function installedBy(plan: string): {name: string; version: string; architecture: string}[] {
  return [...plan.matchAll(/^Inst (\S+) \((\S+) .*\[(\S+)\]\)/gm)].map(([, name = '', version = '', architecture = '']) => ({name, version, architecture}))
}
