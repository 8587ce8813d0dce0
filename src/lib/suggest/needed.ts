import {nameOf, STRONG} from '../check/closure-graph.ts'
import type {ListedFile} from '../listing/listed-file.ts'
import type {ByteString} from '../slug/byte-string.ts'

export interface NeededOptions {
  /** `HASH-NAME` of what is kept for its own sake */
  roots: readonly string[]
  /** entries that may be dropped, if nothing kept fails without them */
  droppable: ReadonlySet<ListedFile>
  /** entries to keep whatever speaks against them */
  keep: ReadonlySet<ListedFile>
}

export interface Needed {
  /** store paths that something kept refers to */
  paths: ReadonlySet<string>
  /** droppable entries that have to stay */
  stay: ReadonlySet<ListedFile>
}

/** Follows what kept files say, from the roots: a path that is named at all stays, but of its droppable entries only those without which others fail. */
export function findNeeded(files: readonly ListedFile[], {roots, droppable, keep}: NeededOptions): Needed {
  const byPath = new Map<string, ListedFile>(files.map(listed => [listed.path, listed]))
  const inPath = Map.groupBy(files, ({path}) => nameOf(path) as string)
  const paths = new Set<string>()
  const stay = new Set<ListedFile>()
  const waiting: ListedFile[] = []

  const reach = (name: string) => {
    if (paths.has(name)) return
    paths.add(name)
    for (const listed of inPath.get(name) ?? []) if (!droppable.has(listed)) waiting.push(listed)
  }

  const hold = (listed: ListedFile | undefined) => {
    if (!listed) return
    reach(nameOf(listed.path))
    if (!droppable.has(listed) || stay.has(listed)) return
    stay.add(listed)
    waiting.push(listed)
    if (listed.kind !== 'directory') return
    // A folder that is needed is needed with what it holds.
    for (const inside of inPath.get(nameOf(listed.path)) ?? []) if (inside.path.startsWith(`${listed.path}/`)) hold(inside)
  }

  for (const root of roots) reach(root)
  for (const listed of keep) hold(listed)
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    for (const {how, to, through} of next.needs) {
      for (const path of to === null ? [] : [...through ?? [], to]) {
        if (STRONG.includes(how) || how === 'dlopen') hold(byPath.get(path))
        else reach(nameOf(path))
      }
    }
  }

  return {paths, stay}
}

/** What no other path refers to: the roots of a closure whose result is not known. */
export function topmost(files: readonly ListedFile[]): string[] {
  const named = new Set<string>()
  for (const {path, needs} of files) {
    for (const {to} of needs) if (to !== null && nameOf(to) !== nameOf(path)) named.add(nameOf(to))
  }

  const all = [...new Set(files.map(({path}) => nameOf(path) as string))]
  const top = all.filter(name => !named.has(name))
  return top.length > 0 ? top : all
}

export function parentsOf(path: ByteString): ByteString[] {
  const parents: ByteString[] = []
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) parents.unshift(path.slice(0, slash) as ByteString)
  return parents
}
