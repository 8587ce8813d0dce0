import {fromBytes, type ByteString} from '../slug/byte-string.ts'
import type {Git} from './git.ts'

/** One entry of a Git tree, recursively listed. */
export type TreeEntry =
  | {kind: 'file'; path: ByteString; oid: string; size: number; executable: boolean}
  | {kind: 'symlink'; path: ByteString; oid: string; size: number}
  | {kind: 'submodule'; path: ByteString; oid: string}

/**
 * All files of a tree. Blobs are what the tree holds, whatever the attributes export-ignore, export-subst and
 * text say about them.
 */
export async function listTree(git: Git, tree: string): Promise<TreeEntry[]> {
  return parseTree(await git.run(['ls-tree', '-r', '-z', '-l', '--full-tree', tree]))
}

/** `MODE TYPE OID SIZE\tPATH\0…`: https://git-scm.com/docs/git-ls-tree#_output_format */
export function parseTree(listing: Buffer): TreeEntry[] {
  const entries: TreeEntry[] = []
  for (let start = 0; start < listing.length;) {
    const end = listing.indexOf(0, start)
    entries.push(parseEntry(listing.subarray(start, end)))
    start = end + 1
  }

  return entries
}

function parseEntry(line: Buffer): TreeEntry {
  const tab = line.indexOf('\t')
  const [mode = '', , oid = '', size = ''] = line.subarray(0, tab).toString().split(/ +/)
  const path = fromBytes(line.subarray(tab + 1))
  switch (mode) {
    case '120000': {
      return {kind: 'symlink', path, oid, size: Number(size)}
    }

    case '160000': {
      return {kind: 'submodule', path, oid}
    }

    default: {
      return {kind: 'file', path, oid, size: Number(size), executable: mode === '100755'}
    }
  }
}
