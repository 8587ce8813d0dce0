import fs from 'node:fs'
import type {Readable} from 'node:stream'
import {join, type DiskPath} from '../view/entry.ts'

const MAGIC = 'nix-archive-1'
/** Keywords and names; a longer length is not of a NAR. */
const MAX_STRING = 4096

/** Unpacks a NAR into `target`, which must not exist (format: nix, doc/manual/source/protocols/nix-archive). Streams. */
export async function unpackNar(input: Readable, target: string): Promise<void> {
  const source = new NarSource(input)
  await source.expect(MAGIC)
  await unpackNode(source, target)
  await source.end()
}

async function unpackNode(source: NarSource, target: DiskPath): Promise<void> {
  await source.expect('(')
  await source.expect('type')
  const type = (await source.string()).toString()
  switch (type) {
    case 'regular': {
      return unpackFile(source, target)
    }

    case 'symlink': {
      await source.expect('target')
      fs.symlinkSync(await source.string(), target)
      return source.expect(')')
    }

    case 'directory': {
      return unpackFolder(source, target)
    }

    default: {
      throw new Error(`bad NAR: ${JSON.stringify(type)} is no type of file`)
    }
  }
}

async function unpackFile(source: NarSource, target: DiskPath): Promise<void> {
  let word = (await source.string()).toString()
  const executable = word === 'executable'
  if (executable) {
    await source.expect('')
    word = (await source.string()).toString()
  }

  const file = fs.openSync(target, fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL, executable ? 0o777 : 0o666)
  try {
    if (word === 'contents') {
      for await (const piece of source.contents()) {
        for (let done = 0; done < piece.length;) done += fs.writeSync(file, piece, done)
      }

      word = (await source.string()).toString()
    }
  } finally {
    fs.closeSync(file)
  }

  if (word !== ')') throw new Error(`bad NAR: ${JSON.stringify(word)} instead of ")"`)
}

async function unpackFolder(source: NarSource, target: DiskPath): Promise<void> {
  fs.mkdirSync(target)
  let previous: Buffer | null = null
  for (;;) {
    const word = (await source.string()).toString()
    if (word === ')') return
    if (word !== 'entry') throw new Error(`bad NAR: ${JSON.stringify(word)} instead of "entry"`)
    await source.expect('(')
    await source.expect('name')
    const name = await source.string()
    // Sorted names cannot come twice, so nothing is written through a symlink that the archive itself made.
    if (!isGoodName(name) || (previous !== null && Buffer.compare(previous, name) >= 0)) {
      throw new Error(`bad NAR: entry ${JSON.stringify(name.toString())} has a bad name or place`)
    }

    previous = name
    await source.expect('node')
    await unpackNode(source, join(target, name))
    await source.expect(')')
  }
}

function isGoodName(name: Buffer): boolean {
  const text = name.toString('latin1')
  return text !== '' && text !== '.' && text !== '..' && !text.includes('/') && !text.includes('\0')
}

/** A NAR's strings, off a stream: a 64-bit length, the bytes, zeros up to a multiple of eight. */
class NarSource {
  readonly #input: AsyncIterator<Buffer>
  #rest: Buffer = Buffer.alloc(0)

  constructor(input: Readable) {
    this.#input = (input as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  }

  async expect(text: string): Promise<void> {
    const found = (await this.string()).toString()
    if (found !== text) throw new Error(`bad NAR: ${JSON.stringify(found)} instead of ${JSON.stringify(text)}`)
  }

  async string(): Promise<Buffer> {
    const length = await this.#length()
    if (length > MAX_STRING) throw new Error(`bad NAR: a text of ${length} bytes`)
    const text = await this.#take(length)
    await this.#padding(length)
    return text
  }

  async *contents(): AsyncGenerator<Buffer> {
    const length = await this.#length()
    for (let left = length; left > 0;) {
      if (this.#rest.length === 0) await this.#more()
      const piece = this.#rest.subarray(0, left)
      this.#rest = this.#rest.subarray(piece.length)
      left -= piece.length
      yield piece
    }

    await this.#padding(length)
  }

  async end(): Promise<void> {
    if (this.#rest.length > 0 || !(await this.#input.next()).done) throw new Error('bad NAR: something follows its end')
  }

  async #length(): Promise<number> {
    const length = (await this.#take(8)).readBigUInt64LE()
    if (length > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error(`bad NAR: a length of ${length.toString()}`)
    return Number(length)
  }

  async #padding(length: number): Promise<void> {
    const zeros = await this.#take((8 - (length % 8)) % 8)
    if (zeros.some(byte => byte !== 0)) throw new Error('bad NAR: padding that is not zero')
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#rest.length < length) await this.#more()
    const taken = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return taken
  }

  async #more(): Promise<void> {
    const next = await this.#input.next()
    if (next.done) throw new Error('bad NAR: it ends too early')
    this.#rest = this.#rest.length === 0 ? next.value : Buffer.concat([this.#rest, next.value])
  }
}
