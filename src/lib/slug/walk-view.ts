import {closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readlinkSync, readSync, type Stats} from 'node:fs'
import {EXIT, NixError} from '../errors.ts'
import {changed} from './changed.ts'
import {fromBytes, fromText, toBytes, toText, type ByteString} from './byte-string.ts'
import type {SlugEntry} from './entry.ts'

const CHUNK = 1 << 20
const OWNER_EXECUTE = 0o100

/**
 * Walks store paths in the view (or in any folder that holds such) as a NAR would list them.
 *
 * Calls are synchronous: a closure is tens of thousands of small files in the page cache, where each asynchronous
 * call costs ten times the work it does. Whoever consumes this waits for compression in between, so the event
 * loop is never kept for more than one file's worth.
 * @param view absolute path of the folder that holds `HASH-NAME`
 * @param names `HASH-NAME` of each path, in any order
 */
export function* walkView(view: string, names: readonly string[]): Generator<SlugEntry> {
  const root = fromText(view)
  const buffer = Buffer.allocUnsafe(CHUNK)
  for (const name of sortNames(names.map(name => fromText(name)))) yield* walk(root, name, buffer)
}

function* walk(root: ByteString, path: ByteString, buffer: Buffer): Generator<SlugEntry> {
  const place = `${root}/${path}` as ByteString
  const stats = lstatSync(toBytes(place))
  if (stats.isDirectory()) {
    yield {kind: 'directory', path}
    const children = readdirSync(toBytes(place), {encoding: 'buffer'}).map(child => fromBytes(child))
    for (const child of sortNames(children)) yield* walk(root, `${path}/${child}` as ByteString, buffer)
  } else if (stats.isFile()) {
    yield {
      kind: 'file', path, executable: (stats.mode & OWNER_EXECUTE) !== 0, size: stats.size,
      read: () => readFile(place, stats, buffer),
    }
  } else if (stats.isSymbolicLink()) {
    yield {kind: 'symlink', path, target: fromBytes(readlinkSync(toBytes(place), {encoding: 'buffer'}))}
  } else {
    throw new NixError(`${toText(place)} is neither a file nor a folder nor a symbolic link; a store path holds nothing else.`, {
      code: 'BAD_STORE_PATH', exit: EXIT.project, suggestions: ['heroku nix:build --force'],
    })
  }
}

function* readFile(place: ByteString, {ino, size}: Stats, buffer: Buffer): Generator<Uint8Array> {
  if (size === 0) return
  const file = openSync(toBytes(place), constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    if (fstatSync(file).ino !== ino) throw changed(`${toText(place)} was replaced while the slug was made.`)
    for (let count = readSync(file, buffer); count > 0; count = readSync(file, buffer)) yield buffer.subarray(0, count)
  } finally {
    closeSync(file)
  }
}

function sortNames(names: ByteString[]): ByteString[] {
  // Code unit by code unit, which in this form is byte by byte.
  return names.sort()
}
