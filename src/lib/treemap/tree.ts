import {withoutControls} from '../output/without-controls.ts'
import {toText, type ByteString} from '../slug/byte-string.ts'
import type {PackedEntry} from './page-data.ts'

/** A file (or a symbolic link) of the closure, judged. */
export interface TreemapFile {
  /** relative to the transfer root */
  path: ByteString
  /** bytes on disk */
  size: number
  /** bytes that it is expected to take in the slug */
  packed: number
  kept: boolean
  /** index of the rule that decided, -1: none did */
  rule: number
}

interface Directory {
  children: PackedEntry[]
  folders: Map<string, Directory>
}

/** Puts files into a tree of what is shown of them. Names become text only here: two that look alike stay two. */
export function packTree(files: Iterable<TreemapFile>): PackedEntry {
  const root = newDirectory()
  for (const {path, size, packed, kept, rule} of files) {
    const names = path.split('/')
    const last = names.pop() ?? ''
    const directory = names.reduce(enter, root)
    directory.children.push([shown(last), size, packed, kept ? 1 : 0, rule])
  }

  return ['', root.children]
}

function enter(directory: Directory, name: string): Directory {
  const known = directory.folders.get(name)
  if (known) return known
  const made = newDirectory()
  directory.folders.set(name, made)
  directory.children.push([shown(name), made.children])
  return made
}

function newDirectory(): Directory {
  return {children: [], folders: new Map()}
}

function shown(name: string): string {
  return withoutControls(toText(name as ByteString))
}
