import type {ByteString} from '../slug/byte-string.ts'
import type {SlugEntry} from '../slug/entry.ts'
import type {StoreNames} from './store-names.ts'

/** An entry that a path leads to, and the symlinks on the way. */
export interface Found {
  path: ByteString
  through: readonly ByteString[]
}

/** As many as Linux follows (path_resolution(7)). */
const MAX_LINKS = 40

/** The store's own folder, which no path of a closure names. */
const STORE: Found = {path: '' as ByteString, through: []}

/** What a closure holds, to be asked for paths the way a kernel is. All paths are relative to the store. */
export class ClosureTree {
  /** a symlink's value is its target, of others it is null */
  readonly #entries = new Map<string, ByteString | null>()
  readonly #folders = new Map<string, Found | null>()
  readonly #names: StoreNames

  constructor(names: StoreNames) {
    this.#names = names
  }

  add(entry: SlugEntry): void {
    this.#entries.set(entry.path, entry.kind === 'symlink' ? entry.target : null)
  }

  /** @returns the entry that a path names; if that is a symlink, the symlink */
  find(path: string): Found | null {
    const slash = path.lastIndexOf('/')
    const name = path.slice(slash + 1)
    if (name === '' || name === '.' || name === '..') return this.#walk(path)
    // Most lookups are for libraries, again and again in the same folders.
    const folder = slash === -1 ? STORE : this.#folder(path.slice(0, slash))
    if (folder === null) return null
    const found = joined(folder.path, name)
    return this.#entries.has(found) ? {path: found, through: folder.through} : null
  }

  /** The same of what stands in an entry at `from`: a symlink's target, a program's interpreter. */
  findFrom(from: ByteString, target: string): Found | null {
    const path = this.#relative(folderOf(from), target)
    return path === null ? null : this.find(path)
  }

  /** @returns what a path leads to in the end, which is no symlink */
  follow(path: string): Found | null {
    return this.#walk(path)
  }

  #folder(path: string): Found | null {
    const known = this.#folders.get(path)
    if (known !== undefined) return known
    const folder = this.#walk(path)
    this.#folders.set(path, folder)
    return folder
  }

  #walk(path: string): Found | null {
    const names = path.split('/').reverse()
    const through: ByteString[] = []
    let current = STORE.path
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      if (name === '' || name === '.') continue
      if (name === '..') {
        if (current === STORE.path) return null
        current = folderOf(current)
        continue
      }

      const entry = joined(current, name)
      const target = this.#entries.get(entry)
      if (target === undefined) return null
      if (target === null) {
        current = entry
        continue
      }

      through.push(entry)
      const next = through.length > MAX_LINKS ? null : this.#relative(current, target)
      if (next === null) return null
      names.push(...next.split('/').reverse())
      current = STORE.path
    }

    return {path: current, through}
  }

  /** @returns null where `target` is absolute and not in the store */
  #relative(folder: ByteString, target: string): string | null {
    if (!target.startsWith('/')) return `${folder}/${target}`
    const mention = this.#names.ofPath(target)
    return mention && mention.name + mention.rest
  }
}

function joined(folder: ByteString, name: string): ByteString {
  return (folder === '' ? name : `${folder}/${name}`) as ByteString
}

export function folderOf(path: ByteString): ByteString {
  return path.slice(0, Math.max(0, path.lastIndexOf('/'))) as ByteString
}
