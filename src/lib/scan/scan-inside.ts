import {Readable} from 'node:stream'
import {extract, type Extract} from 'tar-stream'
import {bufferSource, partOf, piecesOf, type ByteSource} from './byte-source.ts'
import {MAGIC_LENGTH, containerOf, type Container} from './container.ts'
import {decompress, type Method} from './decompress.ts'
import {Budget, NotScannedError, SCAN_LIMITS, type ScanLimits} from './limits.ts'
import {Finder, type Needle} from './needle.ts'
import {endsLikeZip, readZip} from './zip.ts'

/** Where a text was found: `inside` names the member of each container on the way, the outermost first. */
export interface Found {
  kind: 'found'
  inside: string[]
  /** bytes from the start of the innermost content, unpacked */
  offset: number
}

export type ScanEnd = Found | {kind: 'clean'} | {kind: 'not-scanned'; reason: string}

type Bytes = AsyncIterable<Buffer> | Iterable<Buffer>

/** A zip's methods that something here can read. */
const ZIP_METHODS = new Map<number, Method | null>([[0, null], [8, 'deflate'], [12, 'bzip2'], [93, 'zstd'], [95, 'xz']])

/**
 * Looks for a text in what a file holds compressed or archived, and in what that holds, in bounded memory. Ends at the first
 * one. What is broken counts as ending there, since nobody can read on either.
 * @param onProgress called for each piece of content
 */
export async function scanInside(
  file: ByteSource, needle: Needle, limits: ScanLimits = SCAN_LIMITS, onProgress: () => void = () => undefined,
): Promise<ScanEnd> {
  try {
    return await new Scan(needle, {limits, fileSize: file.size, onProgress}).source(file, [], 0) ?? {kind: 'clean'}
  } catch (error) {
    if (error instanceof NotScannedError) return {kind: 'not-scanned', reason: error.message}
    throw error
  }
}

class Scan {
  readonly #needle: Needle
  readonly #limits: ScanLimits
  readonly #budget: Budget
  readonly #onProgress: () => void

  constructor(needle: Needle, {limits, fileSize, onProgress}: {limits: ScanLimits; fileSize: number; onProgress: () => void}) {
    this.#needle = needle
    this.#limits = limits
    this.#onProgress = onProgress
    this.#budget = new Budget(limits, fileSize)
  }

  async source(source: ByteSource, inside: string[], depth: number): Promise<Found | null> {
    const isZip = containerOf(source.read(0, MAGIC_LENGTH)) === 'zip' || endsLikeZip(source)
    return isZip ? this.#zip(source, inside, depth) : this.#stream(piecesOf(source), inside, depth)
  }

  async #stream(bytes: Bytes, inside: string[], depth: number): Promise<Found | null> {
    const {start, all, close} = await peek(bytes)
    try {
      return await this.#content(containerOf(start), all, inside, depth)
    } finally {
      await close()
    }
  }

  async #content(container: Container | null, bytes: Bytes, inside: string[], depth: number): Promise<Found | null> {
    if (container !== null && depth >= this.#limits.depth) throw this.#tooDeep()
    switch (container) {
      case null:
        return this.#search(bytes, inside)
      case 'tar':
        return this.#tar(bytes, inside, depth)
      case 'zip':
        return this.source(await this.#collect(bytes), inside, depth)
      case 'lz4':
        throw new NotScannedError('it is compressed with lz4')
      case 'bzip2':
      case 'gzip':
      case 'xz':
      case 'zstd':
        return this.#stream(this.#budget.count(decompress(container, bytes)), inside, depth + 1)
    }
  }

  async #search(bytes: Bytes, inside: string[]): Promise<Found | null> {
    const finder = new Finder(this.#needle)
    for await (const piece of bytes) {
      this.#onProgress()
      const offset = finder.feed(piece)
      if (offset !== null) return {kind: 'found', inside, offset}
    }

    const offset = finder.end()
    return offset === null ? null : {kind: 'found', inside, offset}
  }

  async #zip(source: ByteSource, inside: string[], depth: number): Promise<Found | null> {
    if (depth >= this.#limits.depth) throw this.#tooDeep()
    for (const {name, method, isEncrypted, dataAt, size} of readZip(source) ?? []) {
      if (isEncrypted || size === 0) continue
      const how = ZIP_METHODS.get(method)
      if (how === undefined) throw new NotScannedError(`${name} in it is compressed by method ${method}`)
      const data = partOf(source, dataAt, size)
      const content = how === null ? piecesOf(data) : decompress(how, piecesOf(data))
      const found = await this.#stream(this.#budget.count(content), [...inside, name], depth + 1)
      if (found) return found
    }

    return null
  }

  /** The archive's own bytes are searched too: names and links are in them. */
  async #tar(bytes: Bytes, inside: string[], depth: number): Promise<Found | null> {
    const finder = new Finder(this.#needle)
    let own: number | null = null
    const entries = extractBytes(Readable.from(tap(bytes, piece => {
      this.#onProgress()
      own ??= finder.feed(piece)
    }), {objectMode: false}))
    try {
      for await (const entry of entries) {
        // Of a folder that claims to have a size, tar-stream's content never ends; tar's own is that it has none.
        if (entry.header.type === 'directory') continue
        const name = Buffer.from(entry.header.name, 'latin1').toString()
        const content = (entry as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
        // Not the entry itself: whoever stops reading that early destroys the whole reader.
        const found = await this.#stream({[Symbol.asyncIterator]: () => ({next: () => content.next()})}, [...inside, name], depth + 1)
        if (found) return found
        while ((await content.next()).done !== true);
      }
    } catch (error) {
      if (error instanceof NotScannedError) throw error
      // A broken tar ends here.
    } finally {
      entries.destroy()
    }

    own ??= finder.end()
    return own === null ? null : {kind: 'found', inside, offset: own}
  }

  async #collect(bytes: Bytes): Promise<ByteSource> {
    const pieces: Buffer[] = []
    let size = 0
    for await (const piece of bytes) {
      size += piece.length
      if (size > this.#limits.zipInMemory) throw new NotScannedError(`it holds a zip of more than ${this.#limits.zipInMemory} bytes`)
      pieces.push(piece)
    }

    return bufferSource(Buffer.concat(pieces))
  }

  #tooDeep(): NotScannedError {
    return new NotScannedError(`it holds more than ${this.#limits.depth} containers in one another`)
  }
}

/** tar-stream's reader, which bounds the length of long names. Its types don't know the option that keeps names' bytes. */
function extractBytes(tar: Readable): Extract {
  const options: Parameters<typeof extract>[0] & {filenameEncoding: BufferEncoding} = {filenameEncoding: 'latin1'}
  const entries = extract(options)
  tar.once('error', error => entries.destroy(error))
  entries.once('close', () => tar.destroy())
  tar.pipe(entries)
  return entries
}

async function* tap(bytes: Bytes, look: (piece: Buffer) => void): AsyncGenerator<Buffer> {
  for await (const piece of bytes) {
    look(piece)
    yield piece
  }
}

/** Enough of the start to know what it is, and all of it. */
async function peek(bytes: Bytes): Promise<{start: Buffer; all: AsyncGenerator<Buffer>; close: () => Promise<void>}> {
  const iterator = Symbol.asyncIterator in bytes ? bytes[Symbol.asyncIterator]() : bytes[Symbol.iterator]()
  let start: Buffer = Buffer.alloc(0)
  let isEnd = false
  while (!isEnd && start.length < MAGIC_LENGTH) {
    const next = await iterator.next()
    if (next.done) isEnd = true
    else start = start.length === 0 ? next.value : Buffer.concat([start, next.value])
  }

  async function* all(): AsyncGenerator<Buffer> {
    if (start.length > 0) yield start
    while (!isEnd) {
      const next = await iterator.next()
      if (next.done) return
      yield next.value
    }
  }

  return {
    start,
    all: all(),
    async close() {
      await iterator.return?.()
    },
  }
}
