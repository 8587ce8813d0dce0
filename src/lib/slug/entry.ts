import type {ByteString} from './byte-string.ts'

/**
 * One thing on its way into a slug, as a NAR sees it: no owner, no time, of the mode only whether a file
 * can be executed. Paths are relative and have neither `.` nor `..` in them.
 *
 * The order is a NAR's: a directory before what it holds, siblings by the bytes of their names. (Sorting whole
 * paths would put `a-b` between `a` and `a/x`, and a NAR could not be passed on in one go.)
 */
export type SlugEntry =
  | {kind: 'directory'; path: ByteString}
  | {
    kind: 'file'
    path: ByteString
    executable: boolean
    /** bytes; what `read` gives must be exactly as long */
    size: number
    /** Called at most once, before the next entry is asked for. A chunk is used up before the next is asked for. */
    read: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  }
  | {kind: 'symlink'; path: ByteString; target: ByteString}

export type SlugEntries = Iterable<SlugEntry> | AsyncIterable<SlugEntry>

export interface Totals {
  files: number
  directories: number
  symlinks: number
  /** of the files' contents */
  bytes: number
}

export function noTotals(): Totals {
  return {files: 0, directories: 0, symlinks: 0, bytes: 0}
}

export function addTo(totals: Totals, entry: SlugEntry): void {
  switch (entry.kind) {
    case 'directory':
      totals.directories++
      break
    case 'file':
      totals.files++
      totals.bytes += entry.size
      break
    case 'symlink':
      totals.symlinks++
      break
  }
}
