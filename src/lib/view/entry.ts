import fs from 'node:fs'

/** A path on disk. Bytes where a name in it is not UTF-8, as Linux allows. */
export type DiskPath = Buffer | string

/** `parent/name`. */
export function join(parent: DiskPath, name: DiskPath): DiskPath {
  if (typeof parent === 'string' && typeof name === 'string') return `${parent}/${name}`
  return Buffer.concat([Buffer.from(parent), Buffer.from('/'), Buffer.from(name)])
}

export type EntryKind = 'file' | 'folder' | 'other' | 'symlink'

/** What a folder holds, sorted by nothing; names that are not UTF-8 come as bytes. */
export function entriesOf(folder: DiskPath): {name: DiskPath; kind: EntryKind}[] {
  const entries = fs.readdirSync(folder, {withFileTypes: true})
  if (entries.every(({name}) => !name.includes('\uFFFD'))) return entries.map(entry => ({name: entry.name, kind: kindOf(entry)}))
  return fs.readdirSync(folder, {withFileTypes: true, encoding: 'buffer'}).map(entry => ({name: entry.name, kind: kindOf(entry)}))
}

/** What lies at `path` itself, or null where nothing does. A symlink is not followed. */
export function kindAt(path: DiskPath): EntryKind | null {
  const stats = fs.lstatSync(path, {throwIfNoEntry: false})
  return stats ? kindOf(stats) : null
}

function kindOf(entry: {isDirectory(): boolean; isFile(): boolean; isSymbolicLink(): boolean}): EntryKind {
  if (entry.isFile()) return 'file'
  if (entry.isDirectory()) return 'folder'
  return entry.isSymbolicLink() ? 'symlink' : 'other'
}
