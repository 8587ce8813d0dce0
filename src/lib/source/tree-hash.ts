import {createHash, type Hash} from 'node:crypto'
import {compareBytes, toBytes, type ByteString} from '../slug/byte-string.ts'

/** A file or symbolic link as a Git tree has it. */
export interface TreeFile {
  path: ByteString
  mode: '100644' | '100755' | '120000'
  /** hex, of the blob */
  oid: string
}

/** A hash that is to be given a blob's content, of so many bytes. https://git-scm.com/book/en/v2/Git-Internals-Git-Objects */
export function blobHash(size: number): Hash {
  return createHash('sha1').update(`blob ${size}\0`)
}

/** The hash of the tree that holds these files, as a commit in a repository of the object format sha1 names it. */
export function treeHash(files: readonly TreeFile[]): string {
  const entries = new Map<ByteString, {mode: string; oid: string}>()
  const folders = new Map<ByteString, TreeFile[]>()
  for (const {path, mode, oid} of files) {
    const slash = path.indexOf('/')
    if (slash === -1) {
      entries.set(path, {mode, oid})
      continue
    }

    const name = path.slice(0, slash) as ByteString
    const inside = {path: path.slice(slash + 1) as ByteString, mode, oid}
    const others = folders.get(name)
    if (others) others.push(inside)
    else folders.set(name, [inside])
  }

  for (const [name, inside] of folders) entries.set(name, {mode: '40000', oid: treeHash(inside)})
  // Git sorts a folder as if its name ended in a slash.
  const key = (name: ByteString, mode: string) => (mode === '40000' ? `${name}/` : name) as ByteString
  const sorted = [...entries].sort(([a, {mode: modeA}], [b, {mode: modeB}]) => compareBytes(key(a, modeA), key(b, modeB)))
  const tree = Buffer.concat(sorted.flatMap(([name, {mode, oid}]) => [Buffer.from(`${mode} `), toBytes(name), Buffer.of(0), Buffer.from(oid, 'hex')]))
  return createHash('sha1').update(`tree ${tree.length}\0`).update(tree).digest('hex')
}
