import fs from 'node:fs'
import {baseNameOf} from '../nix/store-path.ts'
import type {ByteString} from '../slug/byte-string.ts'
import type {Filter} from '../slugexclude/filter.ts'
import {createTreeFilter} from '../slugexclude/filter-tree.ts'
import {isOneOf} from '../view/derive-file.ts'
import {kindAt} from '../view/entry.ts'
import {unfinishedName} from '../view/publish.ts'
import {removeTree} from '../view/remove.ts'
import type {FoundPath} from './find-paths.ts'
import {restoredEntries} from './restored-path.ts'
import {TreeWriter} from './tree-writer.ts'
import type {ViewEntry} from './view-entries.ts'

/** Where paths are put, and what of them. */
export interface RestorePlace {
  /** exists; gets `HASH-NAME` of each path */
  folder: string
  /** what is left out; null: nothing */
  filter: Filter | null
  /** whose objects they are, for messages */
  bucketName: string
}

/** What came of one path. */
export interface Restored {
  /** `there`: it was in the folder already. `pruned`: the rules leave nothing of it */
  kind: 'pruned' | 'restored' | 'there'
  files: number
  /** of the files' contents, as written */
  bytes: number
}

export const THERE: Restored = {kind: 'there', files: 0, bytes: 0}

/**
 * Puts one path into the folder, under a temporary name until its NAR has proved right.
 * @param compressed its object's bytes
 */
export async function restorePath(found: FoundPath, compressed: AsyncIterable<Buffer>, {folder, filter, bucketName}: RestorePlace): Promise<Restored> {
  const name = baseNameOf(found.info.storePath)
  const target = `${folder}/${name}`
  const unfinished = unfinishedName(folder, name)
  const tree = new TreeWriter(unfinished, name)
  try {
    for await (const entry of kept(restoredEntries(found, compressed, {bucketName, scratch: folder}), filter)) await tree.write(entry)
    if (tree.isEmpty) return {kind: 'pruned', files: 0, bytes: 0}
    tree.finish()
    fs.renameSync(unfinished, target)
    return {kind: 'restored', files: tree.files, bytes: tree.bytes}
  } catch (error) {
    removeTree(unfinished)
    if (isOneOf(error, 'EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'EISDIR') && kindAt(target) !== null) return THERE
    throw error
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
