import {filesOf, pathOf, type Amounts, type Entry} from './model.ts'

export interface Found {
  /** files, the largest first */
  files: Entry[]
  /** these and every directory that holds one */
  entries: ReadonlySet<Entry>
  total: Amounts
}

/** Finds files by any part of their path, in either case. */
export function createSearch(root: Entry): (words: string) => Found | null {
  let all: {entry: Entry; path: string}[] | null = null

  return words => {
    const wanted = words.trim().toLowerCase()
    if (wanted === '') return null
    all ??= [...filesOf(root)].map(entry => ({entry, path: pathOf(entry).toLowerCase()}))
    const files = all.filter(({path}) => path.includes(wanted))
      .sort((a, b) => b.entry.total.size - a.entry.total.size || (a.path < b.path ? -1 : 1)).map(({entry}) => entry)
    const entries = new Set<Entry>()
    const total = {packed: 0, size: 0}
    for (const file of files) {
      total.packed += file.total.packed
      total.size += file.total.size
      for (let at: Entry | null = file; at && !entries.has(at); at = at.parent) entries.add(at)
    }

    return {files, entries, total}
  }
}
