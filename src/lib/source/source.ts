import {fromBytes, fromText, toText, type ByteString} from '../slug/byte-string.ts'
import type {SlugEntry} from '../slug/entry.ts'
import {readBlob, type BlobReader} from './blobs.ts'
import {isIgnored, parseSlugignore} from './slugignore.ts'
import type {TreeEntry} from './tree.ts'

/** What of a Git tree goes to a build. */
export interface SourceFiles {
  /** in the order of a NAR, folders before what they hold */
  entries: SourceEntry[]
  /** how many files `.slugignore` took away */
  ignored: number
  /** paths at which Git has another repository's commit: their content is no part of this tree */
  submodules: string[]
}

export type SourceEntry = Exclude<TreeEntry, {kind: 'submodule'}> | {kind: 'directory'; path: ByteString}

/** Decides what goes to the build. @param slugignore the text of the tree's `.slugignore`, null without one */
export function selectFiles(tree: readonly TreeEntry[], slugignore: string | null): SourceFiles {
  const rules = slugignore === null ? [] : parseSlugignore(slugignore)
  const kept = tree.filter(({path}) => !isIgnored(toText(path), rules))
  const files = kept.filter(entry => entry.kind !== 'submodule')
  const folders = new Set(files.flatMap(({path}) => foldersOf(path)))
  const entries = [...files, ...[...folders].map(path => ({kind: 'directory' as const, path}))]
  return {
    entries: entries.sort((a, b) => compareKeys(sortKey(a.path), sortKey(b.path))),
    ignored: tree.length - kept.length,
    submodules: kept.filter(({kind}) => kind === 'submodule').map(({path}) => toText(path)),
  }
}

/** Reads `.slugignore` of the tree's root. */
export async function readSlugignore(tree: readonly TreeEntry[], blobs: BlobReader): Promise<string | null> {
  const entry = tree.find(({path, kind}) => kind === 'file' && path === fromText('.slugignore'))
  return entry?.kind === 'file' ? (await readBlob(blobs, entry.oid, entry.size)).toString() : null
}

/** Reads the files one after the other; `onPointer` hears of each file that is a Git LFS pointer, not its content. */
export async function* readSource(
  entries: readonly SourceEntry[], blobs: BlobReader, onPointer: (path: string) => void,
): AsyncGenerator<SlugEntry> {
  for (const entry of entries) {
    switch (entry.kind) {
      case 'directory': {
        yield entry
        break
      }

      case 'symlink': {
        const target = fromBytes(await readBlob(blobs, entry.oid, entry.size))
        yield {kind: 'symlink', path: entry.path, target}
        break
      }

      case 'file': {
        yield {...entry, read: () => watchForPointer(blobs.open(entry.oid, entry.size), entry, onPointer)}
        break
      }
    }
  }
}

/** https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md#the-pointer: smaller than 1024 bytes. */
const POINTER = Buffer.from('version https://git-lfs.github.com/spec/')

async function* watchForPointer(
  content: AsyncIterable<Buffer>, {path, size}: {path: ByteString; size: number}, onPointer: (path: string) => void,
): AsyncGenerator<Buffer> {
  let start = Buffer.alloc(0)
  for await (const chunk of content) {
    if (size < 1024) start = Buffer.concat([start, chunk])
    yield chunk
  }

  if (start.subarray(0, POINTER.length).equals(POINTER)) onPointer(toText(path))
}

function foldersOf(path: ByteString): ByteString[] {
  const parts = path.split('/')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/') as ByteString)
}

/** With the smallest byte in place of the slash, a folder's content follows it directly. */
function sortKey(path: ByteString): string {
  return path.replaceAll('/', '\0')
}

function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
