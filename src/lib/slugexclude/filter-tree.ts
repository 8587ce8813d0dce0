import type {ByteString} from '../slug/byte-string.ts'
import type {Decision, Filter} from './filter.ts'

/** What a tree's filter asks of an entry. The order is a NAR's: a directory before what it holds. */
export interface TreeEntry {
  /** relative to the transfer root */
  path: ByteString
  isDirectory: boolean
}

/**
 * What becomes of an entry. `below`: a directory above it is excluded, so no rule was asked. `empty`: a directory that a
 * rule did not exclude, but nothing in it was left (or it never held anything): `--prune-empty-dirs` takes it.
 */
export type Verdict<E extends TreeEntry> =
  | {kind: 'kept'; entry: E; decision: Decision}
  | {kind: 'excluded'; entry: E; decision: Decision}
  | {kind: 'below'; entry: E; decision: Decision}
  | {kind: 'empty'; entry: E; decision: Decision}

export interface TreeFilter<E extends TreeEntry> {
  /** Verdicts that this entry settles; a directory's own comes when something in it is kept, or when it is left. */
  next: (entry: E) => Verdict<E>[]
  /** Verdicts that were still open when the tree ended. */
  end: () => Verdict<E>[]
}

interface OpenDirectory<E> {
  entry: E
  decision: Decision
  /** with a slash at the end */
  prefix: string
  settled: boolean
}

/** Holds a tree against rules as `rsync --prune-empty-dirs` does, in one pass and in memory for one branch of the tree. */
export function createTreeFilter<E extends TreeEntry>(filter: Filter): TreeFilter<E> {
  const open: OpenDirectory<E>[] = []

  function leaveAllBut(path: ByteString | null): Verdict<E>[] {
    const left: Verdict<E>[] = []
    for (let last = open.at(-1); last && !path?.startsWith(last.prefix); last = open.at(-1)) {
      open.pop()
      if (!last.settled) left.push({kind: 'empty', entry: last.entry, decision: last.decision})
    }

    return left
  }

  return {
    next(entry) {
      const verdicts = leaveAllBut(entry.path)
      const parent = open.at(-1)
      if (parent && !parent.decision.kept) {
        verdicts.push({kind: 'below', entry, decision: parent.decision})
        return verdicts
      }

      const decision = filter.decide(entry.path, entry.isDirectory)
      if (entry.isDirectory) {
        open.push({entry, decision, prefix: `${entry.path}/`, settled: !decision.kept})
        if (!decision.kept) verdicts.push({kind: 'excluded', entry, decision})
        return verdicts
      }

      if (!decision.kept) {
        verdicts.push({kind: 'excluded', entry, decision})
        return verdicts
      }

      for (const directory of open) {
        if (directory.settled) continue
        directory.settled = true
        verdicts.push({kind: 'kept', entry: directory.entry, decision: directory.decision})
      }

      verdicts.push({kind: 'kept', entry, decision})
      return verdicts
    },
    end: () => leaveAllBut(null),
  }
}
