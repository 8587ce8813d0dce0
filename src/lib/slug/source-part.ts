import type {Readable, Writable} from 'node:stream'
import {EXIT, NixError} from '../errors.ts'
import {fromText, toText, type ByteString} from './byte-string.ts'
import {addTo, noTotals, type SlugEntry, type Totals} from './entry.ts'
import {GzipMembers} from './gzip-members.ts'
import type {RunTimeScripts} from './run-time-scripts.ts'
import {sourceEntries} from './source-entries.ts'
import {TarMembers} from './tar-members.ts'

const PROFILE = '.profile.d/nix.sh'
/** Ours in every slug. What a project has there would be mixed with it, so it is left out, and said. */
const RESERVED = ['.nixs', 'result', '.heroku/nix', PROFILE]
/** Folders that the project may have too. */
const SHARED_FOLDERS = ['.profile.d', '.heroku']
const COLLECT_LIMIT = 1 << 20

export interface SourcePartOptions {
  /** the project's uncompressed tar */
  sourceTar: Readable
  scripts: RunTimeScripts
  /** What the slug says about itself in `.heroku/nix/source.json`. Equal slugs need equal facts: no time of day, no id of a redeploy. */
  facts: Readonly<Record<string, unknown>>
  /** files of the project to give back as well, such as `Procfile`: the tar is read only once */
  collect?: readonly string[]
  /** The part's bytes go here. It is ended after the last of them, and destroyed after a failure. */
  sink: Writable
  /** members in work at once; changes no byte */
  jobs?: number
}

export interface SourcePartSummary {
  /** hex, of the bytes given to the sink */
  sha256: string
  /** bytes given to the sink */
  size: number
  /** bytes of the files' contents */
  unpackedSize: number
  totals: Totals
  /** by name; what the project does not have is missing */
  collected: ReadonlyMap<string, Buffer>
  /** each a sentence */
  warnings: string[]
}

/**
 * Writes all of a slug but its closure, as a run of complete gzip members: the project under `./app/`, in the order of
 * its tar, and the run-time scripts. It comes first in a slug.
 * @throws NixError BAD_SOURCE for a tar that no Git tree gives
 */
export async function writeSourcePart({sourceTar, scripts, facts, collect = [], sink, jobs}: SourcePartOptions): Promise<SourcePartSummary> {
  const members = new GzipMembers(sink, jobs)
  const part = new SourcePart(new TarMembers(members, {plain: 0o644, executable: 0o755}), collect)
  try {
    await part.addFolder('')
    for await (const entry of sourceEntries(sourceTar)) await part.addProjectEntry(entry)
    await part.addText('.heroku/nix/bin/build', scripts.build, true)
    await part.addText('.heroku/nix/bin/run_proot.sh', scripts.runProot, true)
    await part.addText('.heroku/nix/bin/run_result.sh', scripts.runResult, true)
    await part.addText('.heroku/nix/source.json', `${JSON.stringify(facts, null, 2)}\n`, false)
    await part.addText(PROFILE, scripts.profile, false)
    const written = await members.finish()
    return {...written, unpackedSize: part.totals.bytes, totals: part.totals, collected: part.collected, warnings: [...part.warnings.values()]}
  } catch (error) {
    sourceTar.destroy()
    await members.abandon(error)
    throw error
  }
}

class SourcePart {
  readonly totals = noTotals()
  readonly warnings = new Map<string, string>()
  readonly collected = new Map<string, Buffer>()
  readonly #tar: TarMembers
  readonly #collect: ReadonlySet<string>
  readonly #folders = new Set<string>()

  constructor(tar: TarMembers, collect: readonly string[]) {
    this.#tar = tar
    this.#collect = new Set(collect)
  }

  async addProjectEntry(entry: SlugEntry): Promise<void> {
    const name = toText(entry.path)
    const reserved = RESERVED.find(path => name === path || name.startsWith(`${path}/`))
    if (reserved) {
      this.warnings.set(reserved, `The project's own ${reserved} is left out of the slug: heroku-nix keeps its own things there.`)
      return
    }

    if (SHARED_FOLDERS.includes(name) && entry.kind !== 'directory') {
      throw new NixError(`The project's ${name} is a ${entry.kind === 'file' ? 'file' : 'symbolic link'}; in a slug it must be a folder.`, {
        code: 'BAD_SOURCE', exit: EXIT.project, suggestions: [`git mv ${name} ANOTHER-NAME`],
      })
    }

    if (entry.kind === 'directory') await this.addFolder(name, entry.path)
    else await this.#add(this.#collect.has(name) && entry.kind === 'file' ? await this.#remember(entry, name) : entry)
  }

  /** Does nothing for a folder that was added before. */
  async addFolder(name: string, path = fromText(name)): Promise<void> {
    if (!this.#folders.has(path)) await this.#add({kind: 'directory', path})
  }

  async addText(name: string, text: string, executable: boolean): Promise<void> {
    const content = Buffer.from(text)
    await this.#add({kind: 'file', path: fromText(name), executable, size: content.length, read: () => [content]})
  }

  async #add(entry: SlugEntry): Promise<void> {
    if (entry.path !== '') await this.addFolder('', parentOf(entry.path))
    if (entry.kind === 'directory') this.#folders.add(entry.path)
    addTo(this.totals, entry)
    await this.#tar.add({...entry, path: (entry.path === '' ? './app' : `./app/${entry.path}`) as ByteString})
  }

  async #remember(entry: SlugEntry & {kind: 'file'}, name: string): Promise<SlugEntry> {
    if (entry.size > COLLECT_LIMIT) {
      throw new NixError(`${name} has ${entry.size} bytes; at most ${COLLECT_LIMIT} can be right.`, {
        code: 'BAD_SOURCE', exit: EXIT.project, suggestions: [`look at ${name}`],
      })
    }

    const chunks: Uint8Array[] = []
    for await (const chunk of entry.read()) chunks.push(Buffer.from(chunk))
    const content = Buffer.concat(chunks)
    this.collected.set(name, content)
    return {...entry, read: () => [content]}
  }
}

function parentOf(path: ByteString): ByteString {
  return path.slice(0, Math.max(0, path.lastIndexOf('/'))) as ByteString
}
