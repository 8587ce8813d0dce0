import {bufferSource} from '../../lib/scan/byte-source.ts'
import {MAGIC_LENGTH, containerOf} from '../../lib/scan/container.ts'
import {ZIP_END_LENGTH, endsLikeZip} from '../../lib/scan/zip.ts'
import {toBytes} from '../../lib/slug/byte-string.ts'
import type {SlugEntry} from '../../lib/slug/entry.ts'

/** Notes which of the files that are read on their way into a layer hold others, by the bytes that pass. */
export interface ContainerNoter {
  noted: (entry: SlugEntry) => SlugEntry
  /** relative to the view */
  readonly paths: readonly Buffer[]
}

export function containerNoter(): ContainerNoter {
  const paths: Buffer[] = []
  return {
    paths,
    noted: entry => entry.kind === 'file' ? {...entry, read: () => noting(entry.read(), () => paths.push(toBytes(entry.path)))} : entry,
  }
}

async function* noting(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, note: () => void): AsyncGenerator<Uint8Array> {
  let isFirst = true
  let isNoted = false
  // Where a zip that follows a program says that it is one.
  let end = Buffer.alloc(0)
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    if (isFirst && containerOf(bytes.subarray(0, MAGIC_LENGTH)) !== null) isNoted = true
    isFirst = false
    end = Buffer.from(bytes.subarray(-ZIP_END_LENGTH))
    yield chunk
  }

  if (isNoted || endsLikeZip(bufferSource(end))) note()
}
