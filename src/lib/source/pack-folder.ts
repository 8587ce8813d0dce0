import {createHash} from 'node:crypto'
import {createWriteStream} from 'node:fs'
import {basename, dirname} from 'node:path'
import {Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {createGzip} from 'node:zlib'
import {toBytes, type ByteString} from '../slug/byte-string.ts'
import type {SlugEntries, SlugEntry} from '../slug/entry.ts'
import {walkView} from '../slug/walk-view.ts'
import {tarOf} from './tar.ts'
import {blobHash, treeHash, type TreeFile} from './tree-hash.ts'

export interface PackedFolder {
  /** git tree hash of what was packed */
  tree: string
  /** hex, of the tar before compression: the one that packing this tree out of a repository gives */
  sha256: string
}

/** Writes entries as the tar.gz that a build takes, and finds out which tree they are. @param file is created */
export async function packEntries(entries: SlugEntries, file: string): Promise<PackedFolder> {
  const hash = createHash('sha256')
  const files: TreeFile[] = []
  await pipeline(
    Readable.from(tarOf(hashing(entries, files)), {objectMode: false}),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk)
        yield chunk
      }
    },
    createGzip(),
    createWriteStream(file),
  )
  return {tree: treeHash(files), sha256: hash.digest('hex')}
}

/** What Git would commit of a folder: everything but empty folders and repositories' own. @param folder absolute path */
export function* committedEntries(folder: string): Generator<SlugEntry> {
  const prefix = `${basename(folder)}/`
  const waiting: SlugEntry[] = []
  for (const entry of walkView(dirname(folder), [basename(folder)])) {
    const path = entry.path.slice(prefix.length) as ByteString
    if (path === '' || path.split('/').includes('.git')) continue
    while (waiting.length > 0 && !path.startsWith(`${waiting.at(-1)?.path ?? ''}/`)) waiting.pop()
    if (entry.kind === 'directory') {
      waiting.push({...entry, path})
      continue
    }

    yield* waiting.splice(0)
    yield {...entry, path}
  }
}

async function* hashing(entries: SlugEntries, files: TreeFile[]): AsyncGenerator<SlugEntry> {
  for await (const entry of entries) {
    switch (entry.kind) {
      case 'directory': {
        yield entry
        break
      }

      case 'symlink': {
        const target = toBytes(entry.target)
        files.push({path: entry.path, mode: '120000', oid: blobHash(target.length).update(target).digest('hex')})
        yield entry
        break
      }

      case 'file': {
        const blob = blobHash(entry.size)
        const {path, executable, read} = entry
        yield {
          ...entry,
          async* read() {
            for await (const chunk of read()) {
              blob.update(chunk)
              // A file's reader fills the same memory again, and streams hold more than one chunk.
              yield Buffer.from(chunk)
            }
          },
        }
        files.push({path, mode: executable ? '100755' : '100644', oid: blob.digest('hex')})
        break
      }
    }
  }
}
