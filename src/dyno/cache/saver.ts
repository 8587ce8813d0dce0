import type {Registrations, RegisteredPath} from './registrations.ts'
import {backlog} from './backlog.ts'
import {limiter} from '../../lib/limiter.ts'

/** What came of a path. `bytes`: what was sent. */
export type Saved = {kind: 'failed'; error: unknown} | {kind: 'saved'; bytes: number} | {kind: 'there'} | {kind: 'upstream'; bytes: number}

/**
 * Puts a path's NAR into the bucket. What it refers to has been begun, and may not be there yet.
 * @returns completes the path; called when all that it refers to is there, and again where that failed
 */
export type StorePath = (path: RegisteredPath, references: readonly string[]) => Promise<() => Promise<Saved>>

export interface SaverOptions {
  registrations: Registrations
  store: StorePath
  /** Paths registered up to this id are Nix's own: saved only where another path refers to them. */
  since: number
  /** small NARs at once */
  parallel?: number
  /** Which of the paths that came to an end are in the bucket no longer. */
  lost?: (paths: readonly string[]) => Promise<string[]>
}

/** Saves what Nix registers, what was built first: that is what a killed dyno would cost. */
export interface Saver {
  /** Looks for new paths. Resolves when the backlog permits to build on. */
  notice(): Promise<void>
  /** Saves all that is valid; what failed is tried once more. `hurry`: only what was built, and no longer than until this aborts. */
  finish(hurry: AbortSignal | null): Promise<Map<string, Saved>>
}

/** narinfos at once */
const COMPLETED_AT_ONCE = 16
/** NARs at once, where they are small: with a bucket that is far away, most of the time goes in waiting for its answers. */
const STORED_AT_ONCE = 16
/** A NAR takes as many places, up to what is held of a large one. */
const PLACE = 3 * 1024 * 1024
const MOST_PLACES = 3

export function saver({registrations, store, since, parallel = STORED_AT_ONCE, lost = () => Promise.resolve([])}: SaverOptions): Saver {
  const saving = new Map<string, Promise<Saved>>()
  const stored = new Map<string, ReturnType<StorePath>>()
  const results = new Map<string, Saved>()
  const built = backlog()
  const storing = limiter(parallel)
  const completing = limiter(COMPLETED_AT_ONCE)
  let others: RegisteredPath[] = []
  let active = 0
  let last = since
  let idle: (() => void)[] = []

  /** Completed after all that it refers to: every narinfo's references resolve at every moment. */
  function saved(path: RegisteredPath): Promise<Saved> {
    const known = saving.get(path.path)
    if (known) return known
    const result = attempt(path).catch((error: unknown): Saved => ({kind: 'failed', error})).then(end => {
      results.set(path.path, end)
      return end
    })
    saving.set(path.path, result)
    return result
  }

  async function attempt(path: RegisteredPath): Promise<Saved> {
    const references = path.references.filter(reference => reference !== path.path)
    const ends = Promise.all(references.map(async reference => {
      const known = saving.get(reference)
      if (known) return known
      const found = registrations.of(reference)
      return found ? saved(found) : {kind: 'failed' as const, error: new Error(`${reference} is not valid`)}
    }))
    const complete = await begun(path, references)
    return (await ends).find(end => end.kind === 'failed') ?? completing(complete)
  }

  /** Once, also where completing it failed. */
  function begun(path: RegisteredPath, references: readonly string[]): ReturnType<StorePath> {
    const known = stored.get(path.path)
    if (known) return known
    const result = storing(() => store(path, references), Math.min(Math.ceil(path.narSize / PLACE), MOST_PLACES))
    stored.set(path.path, result)
    result.catch(() => stored.delete(path.path))
    return result
  }

  function look(): void {
    const found = registrations.after(last)
    last = found.at(-1)?.id ?? last
    // The largest first, so that it is not what all the others wait for in the end.
    for (const path of found.sort((a, b) => b.narSize - a.narSize)) {
      if (path.path.endsWith('.drv')) continue
      if (path.builtHere) void built.add(path.narSize, saved(path)).then(next)
      else others.push(path)
    }

    next()
  }

  /** Starts on what was not built here, while nothing that was is waiting. */
  function next(): void {
    while (built.paths === 0 && active < parallel) {
      const path = others.shift()
      if (!path) break
      active += 1
      void saved(path).finally(() => {
        active -= 1
        next()
      })
    }

    if (built.paths === 0 && active === 0 && others.length === 0) {
      idle.forEach(go => go())
      idle = []
    }
  }

  function settled(): Promise<void> {
    return new Promise(resolve => {
      idle.push(resolve)
      next()
    })
  }

  async function again(paths: readonly string[]): Promise<void> {
    paths.forEach(path => saving.delete(path))
    others.push(...paths.map(path => registrations.of(path)).filter(path => path !== null))
    await settled()
  }

  return {
    async notice() {
      look()
      await built.room()
    },

    async finish(hurry) {
      look()
      if (hurry) {
        others = []
        await Promise.race([settled(), aborted(hurry)])
        return results
      }

      await settled()
      await again([...results].filter(([, {kind}]) => kind === 'failed').map(([path]) => path))
      for (;;) {
        const gone = await lost([...results].filter(([, {kind}]) => kind !== 'failed').map(([path]) => path))
        if (gone.length === 0) return results
        gone.forEach(path => stored.delete(path))
        await again(gone)
      }
    },
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), {once: true})
  })
}
