import type {Need, NeedKind} from '../listing/listed-file.ts'
import type {ByteString} from '../slug/byte-string.ts'
import type {Judged} from './judge.ts'

/** Without these a thing does not work; see NEED_KINDS. */
export const STRONG: readonly NeedKind[] = ['interpreter', 'library', 'shebang', 'symlink']

/** One step of "why is this kept": what says so, and where it leads. `need` is null where it is in a folder that is meant as a whole. */
export interface Step {
  from: ByteString
  need: Need | null
  to: ByteString
}

/** What is kept of a closure, and how it holds together. */
export interface ClosureGraph {
  find: (path: string) => Judged | undefined
  /** The steps that lead from the roots to an entry; null: none do. A root has no steps. */
  chainTo: (path: ByteString) => Step[] | null
  isReached: (path: ByteString) => boolean
}

/** Programs and links first, then what texts and constants name, and search paths last: those say least. */
const TIERS: Readonly<Record<NeedKind, 0 | 1 | 2>> = {interpreter: 0, library: 0, shebang: 0, symlink: 0, dlopen: 1, text: 1, runpath: 2}

export function nameOf(path: string): ByteString {
  return path.split('/', 1)[0] as ByteString
}

/** How an entry was reached; null: it is a root, or in one. */
type Cause = {from: number; need: Need | null} | null

/**
 * Follows every need of what is kept, the strongest first.
 * @param roots `HASH-NAME` of the paths that are kept for their own sake: the build's result
 */
export function closureGraph(judged: readonly Judged[], roots: readonly string[]): ClosureGraph {
  const index = new Map<string, number>(judged.map(({listed}, at) => [listed.path, at]))
  const ends = subtreeEnds(judged)
  const reached = new Map<number, Cause>()
  const queues = [0, 1, 2].map(() => new Queue<{at: number; cause: Cause}>())
  for (const root of roots) queues[0]?.add({at: index.get(root) ?? -1, cause: null})

  for (let next = first(queues); next; next = first(queues)) {
    const {at, cause} = next
    const entry = judged[at]
    if (!entry?.kept || reached.has(at)) continue
    reached.set(at, cause)
    for (const need of entry.listed.needs) {
      for (const path of need.to === null ? [] : [...need.through ?? [], need.to]) queues[TIERS[need.how]]?.add({at: index.get(path) ?? -1, cause: {from: at, need}})
    }

    // A folder stands for all in it; what a folder in it holds comes with that one.
    for (let inside = at + 1; inside < (ends[at] ?? 0); inside = ends[inside] ?? judged.length) {
      queues[0]?.add({at: inside, cause: cause === null ? null : {from: at, need: null}})
    }
  }

  const pathAt = (at: number) => judged[at]?.listed.path ?? '' as ByteString
  return {
    find: path => judged[index.get(path) ?? -1],
    isReached: path => reached.has(index.get(path) ?? -1),
    chainTo(path) {
      let at = index.get(path) ?? -1
      if (!reached.has(at)) return null
      const steps: Step[] = []
      for (let cause = reached.get(at); cause; cause = reached.get(at)) {
        steps.unshift({from: pathAt(cause.from), need: cause.need, to: pathAt(at)})
        at = cause.from
      }

      return steps
    },
  }
}

/** For each entry, the index after the last one in it. */
function subtreeEnds(judged: readonly Judged[]): Int32Array {
  const ends = new Int32Array(judged.length)
  const open: {at: number; prefix: string}[] = []
  judged.forEach(({listed: {path, kind}}, at) => {
    for (let last = open.at(-1); last && !path.startsWith(last.prefix); last = open.at(-1)) {
      ends[last.at] = at
      open.pop()
    }

    ends[at] = at + 1
    if (kind === 'directory') open.push({at, prefix: `${path}/`})
  })
  for (const {at} of open) ends[at] = judged.length
  return ends
}

/** First in, first out, so that chains are short. */
class Queue<T> {
  readonly #items: T[] = []
  #next = 0

  add(item: T): void {
    this.#items.push(item)
  }

  take(): T | undefined {
    return this.#next < this.#items.length ? this.#items[this.#next++] : undefined
  }
}

function first<T>(queues: readonly Queue<T>[]): T | undefined {
  for (const queue of queues) {
    const item = queue.take()
    if (item !== undefined) return item
  }

  return undefined
}
