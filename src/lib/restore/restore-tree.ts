import fs from 'node:fs'
import type {Bucket} from '../bucket/bucket.ts'
import {baseNameOf} from '../nix/store-path.ts'
import {toBytes, type ByteString} from '../slug/byte-string.ts'
import {createFilter, type Filter} from '../slugexclude/filter.ts'
import {createTreeFilter} from '../slugexclude/filter-tree.ts'
import type {Rules} from '../slugexclude/rules.ts'
import {STORE_MTIME} from '../view/canonical-modes.ts'
import {isOneOf} from '../view/derive-file.ts'
import {join, kindAt, type DiskPath} from '../view/entry.ts'
import {sweepUnfinished, unfinishedName} from '../view/publish.ts'
import {removeTree} from '../view/remove.ts'
import type {FoundPath} from './find-paths.ts'
import {allOf} from './parallel.ts'
import {restoredPath} from './restored-path.ts'
import type {ViewEntry} from './view-entries.ts'

export interface RestoreOptions {
  /** made when it is missing; gets `HASH-NAME` of each path */
  folder: string
  /** what is left out; null: nothing */
  rules: Rules | null
  /** paths at once */
  parallel?: number
  /** Called after each path. */
  onPath?: (path: FoundPath, restored: Restored) => void
}

/** What came of one path. */
export interface Restored {
  /** `there`: it was in the folder already. `pruned`: the rules leave nothing of it */
  kind: 'pruned' | 'restored' | 'there'
  files: number
  /** of the files' contents, as written */
  bytes: number
}

/**
 * Puts paths off the bucket into a folder, relocated and pruned, in one pass: what is left out is never written. Each path is
 * made under a temporary name and gets its own when its NAR has proved right, so it is whole or absent. What a killed run left
 * is removed first, so only one at a time may work on a folder.
 */
export async function restoreTree(bucket: Pick<Bucket, 'name' | 'stream'>, paths: readonly FoundPath[], options: RestoreOptions): Promise<Restored[]> {
  const {folder, rules, parallel = 4, onPath} = options
  fs.mkdirSync(folder, {recursive: true})
  sweepUnfinished(folder)
  const filter = rules && createFilter(rules)
  // The largest first: none of them is left for the end, when nothing else is to be done.
  const order = paths.map((path, n) => ({path, n})).sort((a, b) => b.path.info.narSize - a.path.info.narSize)
  const results: Restored[] = []
  await allOf(order, parallel, async ({path, n}) => {
    const restored = await restoreOne(bucket, path, folder, filter)
    results[n] = restored
    onPath?.(path, restored)
  })
  return results
}

async function restoreOne(bucket: Pick<Bucket, 'name' | 'stream'>, path: FoundPath, folder: string, filter: Filter | null): Promise<Restored> {
  const name = baseNameOf(path.info.storePath)
  const target = `${folder}/${name}`
  if (kindAt(target) !== null) return {kind: 'there', files: 0, bytes: 0}
  const unfinished = unfinishedName(folder, name)
  const tree = new TreeWriter(unfinished, name)
  const restored = restoredPath(bucket, path, folder)
  try {
    for await (const entry of kept(restored.entries, filter)) await tree.write(entry)
    if (tree.isEmpty) return {kind: 'pruned', files: 0, bytes: 0}
    tree.finish()
    fs.renameSync(unfinished, target)
    return {kind: 'restored', files: tree.files, bytes: tree.bytes}
  } catch (error) {
    removeTree(unfinished)
    if (isOneOf(error, 'EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'EISDIR') && kindAt(target) !== null) return {kind: 'there', files: 0, bytes: 0}
    throw error
  } finally {
    restored.close()
  }
}

/** The entries that the rules keep; a folder comes when it is known that something in it is kept. */
async function* kept(entries: AsyncIterable<ViewEntry>, filter: Filter | null): AsyncGenerator<ViewEntry, void> {
  if (!filter) {
    yield* entries
    return
  }

  const tree = createTreeFilter<{entry: ViewEntry; path: ByteString; isDirectory: boolean}>(filter)
  for await (const entry of entries) {
    // The transfer root of .slugexclude holds `store/`.
    for (const {kind, entry: {entry: judged}} of tree.next({entry, path: `store/${entry.path}` as ByteString, isDirectory: entry.kind === 'directory'})) {
      if (kind === 'kept') yield judged
    }
  }
}

/** Writes one path's entries below a folder's temporary name, with a store's modes and times. */
class TreeWriter {
  files = 0
  bytes = 0
  isEmpty = true
  readonly #root: string
  readonly #prefix: number
  readonly #folders: DiskPath[] = []

  constructor(root: string, baseName: string) {
    this.#root = root
    this.#prefix = baseName.length
  }

  async write(entry: ViewEntry): Promise<void> {
    this.isEmpty = false
    const place = this.#placeOf(entry.path)
    switch (entry.kind) {
      case 'directory':
        fs.mkdirSync(place, 0o700)
        this.#folders.push(place)
        break
      case 'symlink':
        fs.symlinkSync(toBytes(entry.target), place)
        fs.lutimesSync(place, STORE_MTIME, STORE_MTIME)
        break
      case 'file':
        await this.#writeFile(place, entry)
        break
    }
  }

  /** Read-only at last, from the innermost folder outwards. */
  finish(): void {
    for (const folder of this.#folders.reverse()) {
      fs.utimesSync(folder, STORE_MTIME, STORE_MTIME)
      fs.chmodSync(folder, 0o555)
    }
  }

  async #writeFile(place: DiskPath, {executable, size, writeTo}: Extract<ViewEntry, {kind: 'file'}>): Promise<void> {
    const file = fs.openSync(place, fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL, 0o600)
    try {
      await writeTo(file)
      fs.futimesSync(file, STORE_MTIME, STORE_MTIME)
      fs.fchmodSync(file, executable ? 0o555 : 0o444)
    } finally {
      fs.closeSync(file)
    }

    this.files++
    this.bytes += size
  }

  #placeOf(path: ByteString): DiskPath {
    const rest = toBytes(path).subarray(this.#prefix + 1)
    return rest.length === 0 ? this.#root : join(this.#root, rest)
  }
}
