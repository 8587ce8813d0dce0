import type {ListedFile} from '../listing/listed-file.ts'
import type {ByteString} from '../slug/byte-string.ts'
import {createFilter} from '../slugexclude/filter.ts'
import {createTreeFilter, type Verdict} from '../slugexclude/filter-tree.ts'
import type {Rule, Rules} from '../slugexclude/rules.ts'

/** An entry of the closure, and what becomes of it in the slug. */
export interface Judged {
  listed: ListedFile
  kept: boolean
  /** `rule`: its own; `below`: a directory above it is excluded; `empty`: a directory that has nothing left in it; `none`: no rule matches */
  because: 'below' | 'empty' | 'none' | 'rule'
  /** The rule that decided, of the directory above for `below`; null where none did. `empty` has one where it would have been kept by it */
  rule: Rule | null
}

/** What rules see before a path of the store: `.slugexclude`'s transfer root holds `store/`. */
export const TRANSFER_ROOT = 'store/'

interface TreeEntry {
  /** in the listing; -1: the folder `store` itself, about which rules are asked too */
  index: number
  path: ByteString
  isDirectory: boolean
}

/**
 * Holds a closure against rules, as a layer's maker does.
 * @param rules null: there is no `.slugexclude`, and nothing is dropped, empty directories neither
 * @returns in the listing's order
 */
export function judge(files: readonly ListedFile[], rules: Pick<Rules, 'rules'> | null): Judged[] {
  if (rules === null) return files.map(listed => ({listed, kept: true, because: 'none', rule: null}))
  const tree = createTreeFilter<TreeEntry>(createFilter(rules))
  const judged = new Array<Judged>(files.length)
  const settle = (verdicts: readonly Verdict<TreeEntry>[]) => {
    for (const verdict of verdicts) {
      const listed = files[verdict.entry.index]
      if (listed) judged[verdict.entry.index] = toJudged(listed, verdict)
    }
  }

  settle(tree.next({index: -1, path: TRANSFER_ROOT.slice(0, -1) as ByteString, isDirectory: true}))
  files.forEach(({path, kind}, index) => settle(tree.next({index, path: (TRANSFER_ROOT + path) as ByteString, isDirectory: kind === 'directory'})))
  settle(tree.end())
  return judged
}

function toJudged(listed: ListedFile, {kind, decision: {rule}}: Verdict<TreeEntry>): Judged {
  const because = kind === 'below' || kind === 'empty' ? kind : rule === null ? 'none' : 'rule'
  return {listed, kept: kind === 'kept', because, rule}
}
