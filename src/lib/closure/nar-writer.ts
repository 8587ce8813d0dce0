import fs from 'node:fs'
import {fileMode} from '../view/canonical-modes.ts'
import {entriesOf, join, kindAt, type DiskPath, type EntryKind} from '../view/entry.ts'

/** Pieces are about this long, whatever the files: small ones would cost more to hand on than to read. */
const PIECE = 256 * 1024

/**
 * The NAR of what lies at `path` (format: nix, doc/manual/source/protocols/nix-archive), in pieces of some hundred kilobytes,
 * read as they are taken. Throws by name what a NAR cannot hold, and a file that changes its size meanwhile.
 */
export function* narOf(path: DiskPath): Generator<Buffer, void> {
  const kind = kindAt(path)
  if (kind === null) throw new Error(`${path.toString()} is not there`)
  const out = new Pieces()
  out.add(...strings('nix-archive-1'))
  yield* node(out, path, kind)
  if (out.size > 0) yield out.take()
}

function* node(out: Pieces, path: DiskPath, kind: EntryKind): Generator<Buffer, void> {
  switch (kind) {
    case 'file':
      yield* fileNode(out, path)
      return
    case 'symlink':
      out.add(...strings('(', 'type', 'symlink', 'target', fs.readlinkSync(path, 'buffer'), ')'))
      return
    case 'folder':
      yield* folderNode(out, path)
      return
    case 'other':
      throw new Error(`${path.toString()} is not a file, a folder or a symlink: a store path cannot hold it`)
  }
}

function* folderNode(out: Pieces, path: DiskPath): Generator<Buffer, void> {
  out.add(...strings('(', 'type', 'directory'))
  // By bytes, which for other than ASCII is not how JavaScript compares text.
  const entries = entriesOf(path).map(entry => ({...entry, bytes: Buffer.from(entry.name)})).sort((a, b) => Buffer.compare(a.bytes, b.bytes))
  for (const {name, bytes, kind} of entries) {
    out.add(...strings('entry', '(', 'name', bytes, 'node'))
    yield* node(out, join(path, name), kind)
    out.add(...strings(')'))
    if (out.size >= PIECE) yield out.take()
  }

  out.add(...strings(')'))
}

function* fileNode(out: Pieces, path: DiskPath): Generator<Buffer, void> {
  const file = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW)
  try {
    const {size, mode} = fs.fstatSync(file)
    out.add(...strings('(', 'type', 'regular', ...(fileMode(mode) === 0o555 ? ['executable', ''] : []), 'contents'), length(size))
    for (let left = size; left > 0;) {
      const piece = Buffer.allocUnsafe(Math.min(left, PIECE))
      const count = fs.readSync(file, piece)
      if (count === 0) throw new Error(`${path.toString()} became shorter while it was read`)
      out.add(piece.subarray(0, count))
      left -= count
      if (out.size >= PIECE) yield out.take()
    }

    out.add(padding(size), ...strings(')'))
  } finally {
    fs.closeSync(file)
  }
}

class Pieces {
  size = 0
  #held: Buffer[] = []

  add(...pieces: Buffer[]): void {
    for (const piece of pieces) {
      this.#held.push(piece)
      this.size += piece.length
    }
  }

  take(): Buffer {
    const piece = Buffer.concat(this.#held, this.size)
    this.#held = []
    this.size = 0
    return piece
  }
}

function strings(...values: (Buffer | string)[]): Buffer[] {
  return values.flatMap(value => {
    const bytes = Buffer.from(value)
    return [length(bytes.length), bytes, padding(bytes.length)]
  })
}

function length(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

const padding = (size: number) => Buffer.alloc((8 - (size % 8)) % 8)
