import {closeSync, constants, openSync} from 'node:fs'
import {bufferSource, fileSource, type ByteSource} from '../scan/byte-source.ts'
import {toBytes, type ByteString} from '../slug/byte-string.ts'
import type {SlugEntry} from '../slug/entry.ts'
import {ClosureTree} from './closure-tree.ts'
import {describeContent, type Content} from './describe-content.ts'
import type {StorePrefix} from './find-mentions.ts'
import {defaultFolders} from './library-search.ts'
import type {ListedFile} from './listed-file.ts'
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
  entry: SlugEntry
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
    this.#noted.push({entry, content: entry.kind === 'file' ? await this.#read(entry.path, entry.size) : null})
  }

  /** @returns all that was added, in that order */
  async finish(): Promise<ListedFile[]> {
    const packed = await this.#sizes.finish()
    const interpreters = new Set(this.#noted.flatMap(({entry, content}) => {
      const interpreter = content?.elf?.interpreter
      const found = interpreter ? this.#tree.findFrom(entry.path, interpreter.text) : null
      return found === null ? [] : [found.path]
    }))
    const resolver: Resolver = {tree: this.#tree, names: this.#names, defaults: defaultFolders(this.#tree, interpreters)}
    return this.#noted.map(({entry, content}, index) => toListed(entry, content, Math.round(packed[index] ?? 0), resolver))
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

function toListed(entry: SlugEntry, content: Content | null, packed: number, resolver: Resolver): ListedFile {
  const {path} = entry
  switch (entry.kind) {
    case 'directory':
      return {kind: 'directory', path, packed, needs: []}
    case 'symlink':
      return {kind: 'symlink', path, packed, target: entry.target, needs: resolveSymlink(path, entry.target, resolver)}
    case 'file':
      return {
        kind: 'file', path, packed, size: entry.size, executable: entry.executable, what: content?.what ?? 'data',
        ...(content?.elf?.soname && {soname: content.elf.soname}),
        needs: content === null ? [] : resolveNeeds(path, content, resolver),
      }
  }
}
