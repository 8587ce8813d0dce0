import type {PackedEntry} from '../lib/treemap/page-data.ts'

export const MEASURES = ['packed', 'size'] as const
/** By what a thing's area is: its share of the compressed slug, or what it takes on a dyno's disk. */
export type Measure = (typeof MEASURES)[number]

/** Bytes, by measure. */
export type Amounts = Record<Measure, number>

export interface Entry {
  name: string
  parent: Entry | null
  /** null: it is a file */
  children: Entry[] | null
  total: Amounts
  dropped: Amounts
  files: number
  droppedFiles: number
  /** index of the rule that decided about a file; -1: none did */
  rule: number
}

/** Adds everything up, from the leaves. Without recursion: a path can have two thousand parts. */
function unpack(tree: PackedEntry): Entry {
  const root = entryOf(tree, null)
  const all = [root]
  const waiting: [PackedEntry, Entry][] = [[tree, root]]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [packed, entry] = next
    if (packed.length === 5) continue
    for (const below of packed[1]) {
      const child = entryOf(below, entry)
      entry.children?.push(child)
      all.push(child)
      waiting.push([below, child])
    }
  }

  // Each comes after the one that holds it.
  for (const {parent, files, droppedFiles, total, dropped} of all.reverse()) {
    if (!parent) continue
    parent.files += files
    parent.droppedFiles += droppedFiles
    for (const measure of MEASURES) {
      parent.total[measure] += total[measure]
      parent.dropped[measure] += dropped[measure]
    }
  }

  return root
}

function entryOf(tree: PackedEntry, parent: Entry | null): Entry {
  if (tree.length === 2) {
    return {name: tree[0], parent, children: [], total: {packed: 0, size: 0}, dropped: {packed: 0, size: 0}, files: 0, droppedFiles: 0, rule: -1}
  }

  const [name, size, packed, kept, rule] = tree
  const total = {packed, size}
  return {name, parent, children: null, total, dropped: kept === 1 ? {packed: 0, size: 0} : total, files: 1, droppedFiles: 1 - kept, rule}
}

/** What the page calls its root: where a single folder holds everything, that one. */
export function openRoot(tree: PackedEntry): Entry {
  const [, children] = tree
  const only = Array.isArray(children) && children.length === 1 ? children[0] : undefined
  return unpack(only && Array.isArray(only[1]) ? only : tree)
}

/** From the root to the entry, both included. */
export function ancestry(entry: Entry): Entry[] {
  const line: Entry[] = []
  for (let at: Entry | null = entry; at; at = at.parent) line.unshift(at)
  return line
}

export function pathOf(entry: Entry): string {
  return ancestry(entry).map(({name}) => name).filter(name => name !== '').join('/')
}

/** The entry at a path, or as near to it as there is one. */
export function follow(root: Entry, path: string): Entry {
  const names = path.split('/').slice(root.name === '' ? 0 : 1)
  let at = root
  for (const name of names) {
    const child = at.children?.find(candidate => candidate.name === name)
    if (!child) break
    at = child
  }

  return at
}

export function* filesOf(entry: Entry): Generator<Entry> {
  const waiting = [entry]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (next.children) waiting.push(...next.children)
    else yield next
  }
}

const sorted = new WeakMap<Entry, Partial<Record<Measure, Entry[]>>>()

/** A directory's children, the largest first. */
export function bySize(entry: Entry, measure: Measure): Entry[] {
  const known = sorted.get(entry) ?? {}
  sorted.set(entry, known)
  return (known[measure] ??= [...entry.children ?? []].sort((a, b) => b.total[measure] - a.total[measure] || (a.name < b.name ? -1 : 1)))
}
