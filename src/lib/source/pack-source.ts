import {createHash} from 'node:crypto'
import {createWriteStream} from 'node:fs'
import {stat} from 'node:fs/promises'
import {Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {createGzip} from 'node:zlib'
import {openBlobs} from './blobs.ts'
import type {Git} from './git.ts'
import {readSlugignore, readSource, selectFiles, type SourceFiles} from './source.ts'
import {tarOf} from './tar.ts'
import {listTree} from './tree.ts'

export interface PackedSource {
  /** hex, of the tar before compression */
  sha256: string
  /** bytes of the tar.gz */
  size: number
  /** files that are Git LFS pointers */
  pointers: string[]
}

/** Reads what of a tree goes to a build, without the files' content. */
export async function readSourceFiles(git: Git, tree: string): Promise<SourceFiles> {
  const entries = await listTree(git, tree)
  await using blobs = openBlobs(git)
  return selectFiles(entries, await readSlugignore(entries, blobs))
}

/** Writes the files as a tar.gz. @param file is created, and overwritten where it is */
export async function packSource(git: Git, files: SourceFiles, file: string): Promise<PackedSource> {
  await using blobs = openBlobs(git)
  const hash = createHash('sha256')
  const pointers: string[] = []
  const entries = readSource(files.entries, blobs, path => pointers.push(path))
  await pipeline(
    Readable.from(tarOf(entries), {objectMode: false}),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk)
        yield chunk
      }
    },
    createGzip(),
    createWriteStream(file),
  )
  return {sha256: hash.digest('hex'), size: (await stat(file)).size, pointers}
}
