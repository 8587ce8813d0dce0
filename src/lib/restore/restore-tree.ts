import fs from 'node:fs'
import os from 'node:os'
import {baseNameOf} from '../nix/store-path.ts'
import {createFilter} from '../slugexclude/filter.ts'
import type {Rules} from '../slugexclude/rules.ts'
import {kindAt} from '../view/entry.ts'
import {sweepUnfinished} from '../view/publish.ts'
import type {FoundPath} from './find-paths.ts'
import {largestFirst} from './largest-first.ts'
import {eachOf} from './parallel.ts'
import {rangedObject, type ObjectSource} from './ranged-object.ts'
import {restorePath, THERE, type Restored} from './restore-path.ts'
import {restoreThreads} from './restore-threads.ts'

export interface RestoreOptions {
  /** made when it is missing; gets `HASH-NAME` of each path */
  folder: string
  /** what is left out; null: nothing */
  rules: Rules | null
  /** that restore beside this one, which downloads; 0: this one does all. Follows the paths' size and the number of CPUs, when absent */
  threads?: number | undefined
  /** Called after each path. */
  onPath?: (path: FoundPath, restored: Restored) => void
  /** bytes of NARs so far, of what is left out too */
  onBytes?: (bytes: number) => void
}

/** Of which each thread has so many: one's bytes are on their way while another's are written. */
const PATHS_AT_ONCE = 2
const MOST_THREADS = 4
/** Bytes of NARs: a thread takes as long to start as some of them to be written. */
const MUCH = 32 * 1024 * 1024

/**
 * Puts paths off the bucket into a folder, relocated and pruned, in one pass: what is left out is never written. Each path is
 * made under a temporary name and gets its own when its NAR has proved right, so it is whole or absent. What a killed run left
 * is removed first, so only one at a time may work on a folder.
 * @param paths may be found while the first are restored
 * @returns in the order in which they were finished
 */
export async function restoreTree(
  bucket: ObjectSource, paths: AsyncIterable<FoundPath> | Iterable<FoundPath>, {folder, rules, threads, onPath, onBytes = () => undefined}: RestoreOptions,
): Promise<Restored[]> {
  fs.mkdirSync(folder, {recursive: true})
  sweepUnfinished(folder)
  const place = {folder, filter: rules && createFilter(rules), bucketName: bucket.name}
  const most = threads ?? Math.min(MOST_THREADS, os.availableParallelism())
  using crew = restoreThreads(most, {folder, rules, bucketName: bucket.name})
  const queue = largestFirst(paths)
  const results: Restored[] = []
  let bytes = 0
  const progress = (more: number) => onBytes(bytes += more)
  try {
    await eachOf(() => queue.next(), Math.max(1, most) * PATHS_AT_ONCE, async path => {
      const {storePath, narSize} = path.info
      const isThere = kindAt(`${folder}/${baseNameOf(storePath)}`) !== null
      if (isThere) progress(narSize)
      const restored = isThere ? THERE : await restoreOne(path)
      results.push(restored)
      onPath?.(path, restored)
    })
  } finally {
    await queue.stop()
  }

  return results

  async function restoreOne(path: FoundPath): Promise<Restored> {
    const {fileSize, narSize} = path.info
    const fetched = rangedObject(bucket, path.narKey, fileSize)
    const byThread = most > 0 && (threads !== undefined || queue.bytes >= MUCH)
    // About: how much a piece holds knows only who decompresses it.
    const pieces = counted(fetched.pieces, count => progress(fileSize ? count / fileSize * narSize : 0))
    try {
      return await (byThread ? crew.restore(path, pieces) : restorePath(path, pieces, place))
    } finally {
      fetched.close()
    }
  }
}

async function* counted(pieces: AsyncIterable<Buffer>, onPiece: (bytes: number) => void): AsyncGenerator<Buffer, void> {
  for await (const piece of pieces) {
    onPiece(piece.length)
    yield piece
  }
}
