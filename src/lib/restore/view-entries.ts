import fs from 'node:fs'
import {randomBytes} from 'node:crypto'
import type {NarEntry} from '../closure/nar-reader.ts'
import {fromBytes, fromText, toBytes, type ByteString} from '../slug/byte-string.ts'
import type {SlugEntry} from '../slug/entry.ts'
import {MAGIC_LENGTH} from '../scan/container.ts'
import {releaseMemory} from '../release-memory.ts'
import {rewriteChunk, TO_VIEW} from '../view/rewriting.ts'
import {IN_MEMORY, isCompressed, relocateBytes, relocateInto} from './relocate-file.ts'

const PIECE = 1024 * 1024
const LEAST_ROOM = 64 * 1024

export interface ViewEntriesOptions {
  /** `HASH-NAME`: what the entries' paths begin with */
  baseName: string
  /** The path is a source or a download without references: its bytes stay as they are. */
  isPlainData: boolean
  /** Where a file too large for memory lies while it is relocated, without a name. */
  scratch: string
}

type SlugFile = Extract<SlugEntry, {kind: 'file'}>

export type ViewEntry = Exclude<SlugEntry, SlugFile> | SlugFile & {
  /** Instead of `read`: writes the same bytes into an empty file, given by a descriptor for reading and writing. */
  writeTo: (file: number) => Promise<void>
}

/** A NAR's entries as they lie in the view. Nothing is read of a file that nobody reads. */
export async function* viewEntries(nar: AsyncIterable<NarEntry>, {baseName, isPlainData, scratch}: ViewEntriesOptions): AsyncGenerator<ViewEntry, void> {
  const root = fromText(baseName)
  // For one file after the other: new memory for each would have to be collected as often.
  let room: Buffer = Buffer.alloc(0)
  const roomFor = (size: number) => {
    if (size > room.length) {
      releaseMemory(room)
      room = Buffer.allocUnsafeSlow(Math.min(IN_MEMORY, Math.max(2 * size, LEAST_ROOM)))
    }

    return room.subarray(0, size)
  }

  for await (const entry of nar) {
    const path = (entry.path === '' ? root : `${root}/${entry.path}`) as ByteString
    switch (entry.kind) {
      case 'folder':
        yield {kind: 'directory', path}
        break
      case 'symlink':
        yield {kind: 'symlink', path, target: isPlainData ? entry.target : relocatedTarget(entry.target)}
        break
      case 'file': {
        const {executable, size} = entry
        const read = isPlainData ? entry.contents : () => relocated(entry, {scratch, roomFor})
        yield {
          kind: 'file', path, executable, size, read,
          writeTo: file => isPlainData || size <= IN_MEMORY ? writeAll(file, read()) : relocateInto(file, entry.contents()),
        }
        break
      }
    }
  }

  releaseMemory(room)
}

function relocatedTarget(target: ByteString): ByteString {
  const bytes = toBytes(target)
  rewriteChunk(TO_VIEW, bytes, true)
  return fromBytes(bytes)
}

type NarFile = Extract<NarEntry, {kind: 'file'}>

async function* relocated({size, contents}: NarFile, {scratch, roomFor}: {scratch: string; roomFor: (size: number) => Buffer}): AsyncGenerator<Buffer, void> {
  if (size <= IN_MEMORY) {
    const bytes = await gather(contents(), roomFor(size))
    relocateBytes(bytes)
    if (size > 0) yield bytes
    return
  }

  const pieces = contents()[Symbol.asyncIterator]()
  const start: Buffer[] = []
  for (let have = 0; have < MAGIC_LENGTH;) {
    const next = await pieces.next()
    if (next.done) break
    start.push(Buffer.from(next.value))
    have += next.value.length
  }

  const whole = chained(start, pieces)
  if (isCompressed(Buffer.concat(start))) yield* whole
  else yield* throughFile(whole, size, scratch)
}

async function* chained(start: Buffer[], rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void> {
  yield* start
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
}

/** An archive's sums can be mended only when all of it is there, and only its end may show that a file is one. */
async function* throughFile(contents: AsyncIterable<Buffer>, size: number, scratch: string): AsyncGenerator<Buffer, void> {
  const path = `${scratch}/relocating-${randomBytes(8).toString('hex')}`
  const file = fs.openSync(path, 'wx+', 0o600)
  try {
    fs.unlinkSync(path)
    await relocateInto(file, contents)
    const piece = Buffer.allocUnsafe(PIECE)
    for (let at = 0; at < size;) {
      const count = fs.readSync(file, piece, 0, piece.length, at)
      if (count === 0) throw new Error('a file being relocated became shorter')
      at += count
      yield piece.subarray(0, count)
    }
  } finally {
    fs.closeSync(file)
  }
}

async function writeAll(file: number, pieces: AsyncIterable<Buffer>): Promise<void> {
  for await (const piece of pieces) {
    for (let done = 0; done < piece.length;) done += fs.writeSync(file, piece, done)
  }
}

async function gather(contents: AsyncIterable<Buffer>, bytes: Buffer): Promise<Buffer> {
  let filled = 0
  for await (const piece of contents) filled += piece.copy(bytes, filled)
  return bytes.subarray(0, filled)
}
