import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {baseNameOf, hashPartOf} from '../nix/store-path.ts'
import type {LocalPath} from './local-store.ts'
import {pushCacheInfo, pushPath, type PushOptions} from './push-path.ts'

export interface Pushed {
  /** paths that were sent */
  saved: number
  /** bytes that were sent, compressed */
  bytes: number
  /** paths that the bucket had */
  there: number
}

export interface PushAllOptions extends PushOptions {
  /** paths at once */
  parallel?: number
  /** Called after each path. @param done paths so far, of all */
  onPath?: (done: number) => void
}

/**
 * Puts paths into the bucket that it lacks, each after all that it refers to: whatever happens meanwhile, what a narinfo names is
 * there. After a failure no other path is begun; what was sent stays, and the next push goes on from there.
 * @param paths a closure
 */
export async function pushPaths(bucket: Pick<Bucket, 'head' | 'put'>, paths: readonly LocalPath[], options: PushAllOptions): Promise<Pushed> {
  const {parallel = 4, onPath = () => undefined} = options
  const byName = new Map(paths.map(path => [path.path, path]))
  const begun = new Map<string, Promise<void>>()
  const pushed: Pushed = {saved: 0, bytes: 0, there: 0}
  const waiting: (() => void)[] = []
  const failures: unknown[] = []
  let running = 0
  let done = 0
  await pushCacheInfo(bucket)

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
    const isThere = await bucket.head(keys.narinfo(hashPartOf(baseNameOf(path.path)))) !== null
    const sent = isThere ? null : await pushPath(bucket, path, options)
    if (sent === null) pushed.there += 1
    else {
      pushed.saved += 1
      pushed.bytes += sent
    }

    onPath(done += 1)
  }

  await Promise.all(paths.map(after))
  if (failures.length > 0) throw failures[0]
  return pushed
}
