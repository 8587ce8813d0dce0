import {createHash} from 'node:crypto'
import {keys} from '../bucket/keys.ts'
import {sweepMark, unswept, type Waiting} from '../gc/sweep-mark.ts'
import {baseNameOf} from '../nix/store-path.ts'
import type {LocalPath} from './local-store.ts'
import {narPacker} from './nar-packer.ts'
import {publishCacheInfo} from './publish-path.ts'
import {pushPath, type PushBucket, type PushOptions} from './push-path.ts'

export interface Pushed {
  /** paths that were sent */
  saved: number
  /** bytes that were sent, compressed */
  bytes: number
  /** paths that the bucket had */
  there: number
}

export interface PushAllOptions extends Omit<PushOptions, 'now' | 'onRead' | 'packer'> {
  /** NIX_APP_NAME, for which the paths are kept */
  app: string
  waiting: Waiting
  /** paths at once */
  parallel?: number
  /** Called with how many bytes of the NARs are done, those of paths that are there already included. */
  onBytes?: (bytes: number) => void
}

/**
 * Puts paths into the bucket that it lacks, each after all that it refers to: whatever happens meanwhile, what a narinfo names is
 * there. After a failure no other path is begun; what was sent stays, and the next push goes on from there.
 * @param paths a closure
 */
export async function pushPaths(bucket: PushBucket, paths: readonly LocalPath[], {app, waiting, ...options}: PushAllOptions): Promise<Pushed> {
  let mark = await sweepMark(bucket)
  await publishCacheInfo(bucket)
  const sent = await pushOnce(bucket, paths, {...options, now: waiting.now, doubts: false})
  await listPushed(bucket, app, paths)
  for (;;) {
    const last = mark
    mark = await unswept(bucket, waiting)
    if (mark === last) break
    // A sweep that had decided before what was there was touched may have taken it away.
    for (const [path, bytes] of await pushOnce(bucket, paths, {...options, now: waiting.now, doubts: true})) sent.set(path, (sent.get(path) ?? 0) + bytes)
  }

  return {saved: sent.size, bytes: [...sent.values()].reduce((sum, bytes) => sum + bytes, 0), there: paths.length - sent.size}
}

/** What nothing else of a push refers to is enough for nix:cache:gc: it follows references. */
async function listPushed(bucket: PushBucket, app: string, paths: readonly LocalPath[]): Promise<void> {
  const referred = new Set(paths.flatMap(({path, references}) => references.filter(reference => reference !== path)))
  const list = paths.filter(({path}) => !referred.has(path)).map(({path}) => `${baseNameOf(path)}\n`).sort().join('')
  // Pushed again, it is among the newest again.
  await bucket.put(keys.push(app, createHash('sha256').update(list).digest('hex')), Buffer.from(list), {contentType: 'text/plain'})
}

/** @returns bytes of each path that was sent */
async function pushOnce(bucket: PushBucket, paths: readonly LocalPath[], options: Omit<PushOptions, 'onRead' | 'packer'> & {doubts: boolean} & Pick<PushAllOptions, 'onBytes' | 'parallel'>): Promise<Map<string, number>> {
  const {parallel = 4, onBytes = () => undefined} = options
  using packer = narPacker()
  const byName = new Map(paths.map(path => [path.path, path]))
  const begun = new Map<string, Promise<void>>()
  const sent = new Map<string, number>()
  const waiting: (() => void)[] = []
  const failures: unknown[] = []
  let running = 0
  let bytes = 0

  function after(path: LocalPath): Promise<void> {
    const known = begun.get(path.path)
    if (known) return known
    const own = push(path)
    begun.set(path.path, own)
    return own
  }

  async function push(path: LocalPath): Promise<void> {
    const others = path.references.filter(name => name !== path.path).map(name => byName.get(name)).filter(other => other !== undefined)
    await Promise.all(others.map(after))
    if (running >= parallel) await new Promise<void>(resolve => waiting.push(resolve))
    running += 1
    try {
      if (failures.length === 0) await send(path)
    } catch (error) {
      failures.push(error)
    } finally {
      running -= 1
      waiting.shift()?.()
    }
  }

  async function send(path: LocalPath): Promise<void> {
    let read = 0
    const advance = (more: number) => {
      read += more
      onBytes(bytes += more)
    }

    const size = await pushPath(bucket, path, {...options, packer, onRead: advance})
    if (size !== null) sent.set(path.path, size)
    advance(path.narSize - read)
  }

  await Promise.all(paths.map(after))
  if (failures.length > 0) throw failures[0]
  return sent
}
