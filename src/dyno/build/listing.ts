import {toText} from '../../lib/slug/byte-string.ts'
import type {SlugEntry} from '../../lib/slug/entry.ts'

/** A line of files.jsonl: one entry of the run-time closure, as it was before pruning. */
export interface ListedFile {
  /** relative to the store: `HASH-NAME/bin/x` */
  path: string
  kind: SlugEntry['kind']
  /** bytes; of files alone */
  size?: number
}

export function listingLine(entry: SlugEntry): string {
  const listed: ListedFile = {path: toText(entry.path), kind: entry.kind, ...(entry.kind === 'file' && {size: entry.size})}
  return `${JSON.stringify(listed)}\n`
}
