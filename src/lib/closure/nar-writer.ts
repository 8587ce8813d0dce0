import fs from 'node:fs'
import {fileMode} from '../view/canonical-modes.ts'
import {PIECE, piecePool, type PiecePool} from './piece-pool.ts'
import {entriesOf, join, kindAt, type DiskPath, type EntryKind} from '../view/entry.ts'

/**
 * The NAR of what lies at `path` (format: nix, doc/manual/source/protocols/nix-archive), in pieces of PIECE bytes but for the last
 * one, read as they are taken. Throws by name what a NAR cannot hold, and a file that changes its size meanwhile.
 * @param pool whoever gets a piece gives it back there, or forgets it
 */
export function* narOf(path: DiskPath, pool = piecePool()): Generator<Buffer, void> {
  const kind = kindAt(path)
  if (kind === null) throw new Error(`${path.toString()} is not there`)
  const out = new Pieces(pool)
  out.add(strings('nix-archive-1'))
  yield* node(out, path, kind)
  yield* out.takeFull()
  yield* out.takeRest()
}

const FILE = strings('(', 'type', 'regular')
const EXECUTABLE = strings('executable', '')
const CONTENTS = strings('contents')
const SYMLINK = strings('(', 'type', 'symlink', 'target')
const FOLDER = strings('(', 'type', 'directory')
const ENTRY = strings('entry', '(', 'name')
const NODE = strings('node')
const END = strings(')')

function* node(out: Pieces, path: DiskPath, kind: EntryKind): Generator<Buffer, void> {
  switch (kind) {
    case 'file':
      yield* fileNode(out, path)
      return
    case 'symlink':
      out.add(SYMLINK, strings(fs.readlinkSync(path, 'buffer'), ')'))
      return
    case 'folder':
      yield* folderNode(out, path)
      return
    case 'other':
      throw new Error(`${path.toString()} is not a file, a folder or a symlink: a store path cannot hold it`)
  }
}

function* folderNode(out: Pieces, path: DiskPath): Generator<Buffer, void> {
  out.add(FOLDER)
  // By bytes, which for other than ASCII is not how JavaScript compares text.
  const entries = entriesOf(path).map(entry => ({...entry, bytes: Buffer.from(entry.name)})).sort((a, b) => Buffer.compare(a.bytes, b.bytes))
  for (const {name, bytes, kind} of entries) {
    out.add(ENTRY, strings(bytes), NODE)
    yield* node(out, join(path, name), kind)
    out.add(END)
    yield* out.takeFull()
  }

  out.add(END)
}

function* fileNode(out: Pieces, path: DiskPath): Generator<Buffer, void> {
  const file = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW)
  try {
    const {size, mode} = fs.fstatSync(file)
    out.add(FILE, ...(fileMode(mode) === 0o555 ? [EXECUTABLE] : []), CONTENTS, length(size))
    for (let left = size; left > 0;) {
      const room = out.room(left)
      const count = fs.readSync(file, room)
      if (count === 0) throw new Error(`${path.toString()} became shorter while it was read`)
      out.filled(count)
      left -= count
      yield* out.takeFull()
    }

    out.add(padding(size), END)
  } finally {
    fs.closeSync(file)
  }
}

/** What is written, cut into pieces. Files are read straight into them. */
class Pieces {
  readonly #pool: PiecePool
  #piece: Buffer
  #filled = 0
  readonly #full: Buffer[] = []

  constructor(pool: PiecePool) {
    this.#pool = pool
    this.#piece = pool.take()
  }

  add(...values: Buffer[]): void {
    for (const value of values) {
      for (let done = 0; done < value.length;) {
        const count = value.copy(this.room(value.length - done), 0, done)
        this.filled(count)
        done += count
      }
    }
  }

  /** Where the next bytes belong: at least one, and at most as many as are wanted. */
  room(wanted: number): Buffer {
    return this.#piece.subarray(this.#filled, this.#filled + wanted)
  }

  filled(count: number): void {
    this.#filled += count
    if (this.#filled < PIECE) return
    this.#full.push(this.#piece)
    this.#piece = this.#pool.take()
    this.#filled = 0
  }

  * takeFull(): Generator<Buffer, void> {
    for (let piece = this.#full.shift(); piece; piece = this.#full.shift()) yield piece
  }

  * takeRest(): Generator<Buffer, void> {
    if (this.#filled > 0) yield this.#piece.subarray(0, this.#filled)
  }
}

function strings(...values: (Buffer | string)[]): Buffer {
  return Buffer.concat(values.flatMap(value => {
    const bytes = Buffer.from(value)
    return [length(bytes.length), bytes, padding(bytes.length)]
  }))
}

function length(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function padding(size: number): Buffer {
  return Buffer.alloc((8 - (size % 8)) % 8)
}
