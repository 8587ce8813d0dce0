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
  /** null: the folder `store` itself, about which rules are asked too */
  listed: ListedFile | null
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
  const judged = new Map<ListedFile, Judged>()
  const settle = (verdicts: Verdict<TreeEntry>[]) => {
    for (const verdict of verdicts) {
      const {listed} = verdict.entry
      if (listed !== null) judged.set(listed, toJudged(listed, verdict))
    }
  }

  settle(tree.next({listed: null, path: TRANSFER_ROOT.slice(0, -1) as ByteString, isDirectory: true}))
  for (const listed of files) settle(tree.next({listed, path: (TRANSFER_ROOT + listed.path) as ByteString, isDirectory: listed.kind === 'directory'}))
  settle(tree.end())
  return files.map(listed => judged.get(listed)).filter(one => one !== undefined)
}

function toJudged(listed: ListedFile, {kind, decision: {rule}}: Verdict<TreeEntry>): Judged {
  const because = kind === 'below' || kind === 'empty' ? kind : rule === null ? 'none' : 'rule'
  return {listed, kept: kind === 'kept', because, rule}
}
