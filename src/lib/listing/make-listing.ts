import {closeSync, constants, openSync} from 'node:fs'
import {bufferSource, fileSource, type ByteSource} from '../scan/byte-source.ts'
import {toBytes, type ByteString} from '../slug/byte-string.ts'
import type {SlugEntry} from '../slug/entry.ts'
import {ClosureTree} from './closure-tree.ts'
import {describeContent, type Content} from './describe-content.ts'
import type {StorePrefix} from './find-mentions.ts'
import {defaultFolders} from './library-search.ts'
import type {ListedFile, Need} from './listed-file.ts'
import {PackedSizes} from './packed-sizes.ts'
import {resolveNeeds, resolveSymlink, type Resolver} from './resolve-needs.ts'
import {storeNames} from './store-names.ts'

export interface MakeListingOptions {
  /** the folder that holds `HASH-NAME` */
  store: string
  /** `HASH-NAME` of each path */
  names: readonly ByteString[]
  /** how store paths are written in it */
  prefixes: readonly StorePrefix[]
  /** pieces that are compressed at once */
  jobs: number
}

/** What is read at once; larger files are read piece by piece. */
const WHOLE = 4 << 20
const PIECE = 1 << 20

interface Noted {
  listed: ListedFile
  /** null: it leads nowhere, as most files do */
  content: Content | null
}

/**
 * Makes the listing of a closure while something else walks it. What a library's name leads to is known when all was seen, so
 * what files say is kept in memory until then: some hundred bytes for each.
 */
export class ListingMaker {
  readonly #options: MakeListingOptions
  readonly #names: ReturnType<typeof storeNames>
  readonly #tree: ClosureTree
  readonly #sizes: PackedSizes
  readonly #noted: Noted[] = []

  constructor(options: MakeListingOptions) {
    this.#options = options
    this.#names = storeNames(options.names)
    this.#tree = new ClosureTree(this.#names)
    this.#sizes = new PackedSizes(options.jobs)
  }

  /** Takes the next entry, in the order of a tree, and reads the file itself. */
  async add(entry: SlugEntry): Promise<void> {
    this.#tree.add(entry)
    await this.#sizes.begin()
    const content = entry.kind === 'file' ? await this.#read(entry.path, entry.size) : null
    const leads = content !== null && (content.elf !== null || content.shebang.length > 0 || content.mentions.length > 0)
    this.#noted.push({listed: toListed(entry, content), content: leads ? content : null})
  }

  /** @returns all that was added, in that order */
  async finish(): Promise<ListedFile[]> {
    const packed = await this.#sizes.finish()
    const interpreters = new Set(this.#noted.flatMap(({listed, content}) => {
      const interpreter = content?.elf?.interpreter
      const found = interpreter ? this.#tree.findFrom(listed.path, interpreter.text) : null
      return found === null ? [] : [found.path]
    }))
    const resolver: Resolver = {tree: this.#tree, names: this.#names, defaults: defaultFolders(this.#tree, interpreters)}
    return this.#noted.map(({listed, content}, index) => ({...listed, packed: Math.round(packed[index] ?? 0), needs: needsOf(listed, content, resolver)}))
  }

  async #read(path: ByteString, size: number): Promise<Content> {
    const file = openSync(toBytes(`${this.#options.store}/${path}` as ByteString), constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const onDisk = fileSource(file)
      const source = onDisk.size <= WHOLE ? bufferSource(onDisk.read(0, onDisk.size)) : onDisk
      const content = describeContent(source, this.#names, this.#options.prefixes)
      for (const piece of pieces(source)) await this.#sizes.content(piece)
      await this.#sizes.end(size)
      return content
    } finally {
      closeSync(file)
    }
  }
}

function* pieces(source: ByteSource): Generator<Buffer> {
  for (let at = 0; at < source.size; at += PIECE) yield source.read(at, Math.min(PIECE, source.size - at))
}

/** What can be said of an entry by itself. */
function toListed(entry: SlugEntry, content: Content | null): ListedFile {
  const base = {path: entry.path, packed: 0, needs: NO_NEEDS}
  switch (entry.kind) {
    case 'directory':
      return {...base, kind: 'directory'}
    case 'symlink':
      return {...base, kind: 'symlink', target: entry.target}
    case 'file':
      return {
        ...base, kind: 'file', size: entry.size, executable: entry.executable, what: content?.what ?? 'data',
        ...(content?.elf?.soname && {soname: content.elf.soname}),
      }
  }
}

const NO_NEEDS: readonly Need[] = Object.freeze([])

function needsOf(listed: ListedFile, content: Content | null, resolver: Resolver): readonly Need[] {
  if (listed.kind === 'symlink') return resolveSymlink(listed.path, listed.target, resolver)
  return content === null ? NO_NEEDS : resolveNeeds(listed.path, content, resolver)
}
