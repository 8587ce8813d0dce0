import fs from 'node:fs'
import os from 'node:os'
import type {Bucket} from '../bucket/bucket.ts'
import {baseNameOf} from '../nix/store-path.ts'
import {createFilter} from '../slugexclude/filter.ts'
import type {Rules} from '../slugexclude/rules.ts'
import {kindAt} from '../view/entry.ts'
import {sweepUnfinished} from '../view/publish.ts'
import type {FoundPath} from './find-paths.ts'
import {allOf} from './parallel.ts'
import {rangedObject} from './ranged-object.ts'
import {restorePath, THERE, type Restored} from './restore-path.ts'
import {startRestoreThreads} from './restore-threads.ts'

export interface RestoreOptions {
  /** made when it is missing; gets `HASH-NAME` of each path */
  folder: string
  /** what is left out; null: nothing */
  rules: Rules | null
  /** that restore beside this one, which downloads; 0: this one does all */
  threads?: number
  /** Called after each path. */
  onPath?: (path: FoundPath, restored: Restored) => void
}

/** Of which each thread has so many: one's bytes are decompressed while another's are written. */
const PATHS_AT_ONCE = 2
const MOST_THREADS = 4
/** Bytes of NARs: a thread takes as long to start as some of them to be written. */
const MUCH = 32 * 1024 * 1024

/**
 * Puts paths off the bucket into a folder, relocated and pruned, in one pass: what is left out is never written. Each path is
 * made under a temporary name and gets its own when its NAR has proved right, so it is whole or absent. What a killed run left
 * is removed first, so only one at a time may work on a folder.
 */
export async function restoreTree(bucket: Pick<Bucket, 'name' | 'stream'>, paths: readonly FoundPath[], options: RestoreOptions): Promise<Restored[]> {
  const {folder, rules, onPath, threads = threadsFor(paths)} = options
  fs.mkdirSync(folder, {recursive: true})
  sweepUnfinished(folder)
  using crew = threads > 0 ? startRestoreThreads(threads, {folder, rules, bucketName: bucket.name}) : null
  const place = {folder, filter: rules && createFilter(rules), bucketName: bucket.name}
  // The largest first: none of them is left for the end, when nothing else is to be done.
  const order = paths.map((path, n) => ({path, n})).sort((a, b) => b.path.info.narSize - a.path.info.narSize)
  const results: Restored[] = []
  await allOf(order, Math.max(1, threads) * PATHS_AT_ONCE, async ({path, n}) => {
    const restored = kindAt(`${folder}/${baseNameOf(path.info.storePath)}`) !== null ? THERE : await restoreOne(path)
    results[n] = restored
    onPath?.(path, restored)
  })
  return results

  async function restoreOne(path: FoundPath): Promise<Restored> {
    const fetched = rangedObject(bucket, path.narKey, path.info.fileSize)
    try {
      return await (crew?.restore(path, fetched.pieces) ?? restorePath(path, fetched.pieces, place))
    } finally {
      fetched.close()
    }
  }
}

function threadsFor(paths: readonly FoundPath[]): number {
  const bytes = paths.reduce((sum, {info}) => sum + info.narSize, 0)
  return bytes < MUCH ? 0 : Math.min(MOST_THREADS, os.availableParallelism())
}
