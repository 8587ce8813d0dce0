import {closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, readSync} from 'node:fs'
import {EXIT, NixError} from '../../lib/errors.ts'
import {fromBytes, toBytes, toText, type ByteString} from '../../lib/slug/byte-string.ts'
import type {SlugEntry} from '../../lib/slug/entry.ts'

interface ListedFile {
  path: ByteString
  mode: string
}

/**
 * Files of a folder by a list of their paths, in the order of a NAR, folders before what they hold.
 * @param list what `git ls-files --stage -z` printed: `MODE OID STAGE\tPATH\0…`
 * @throws NixError SOURCE_INCOMPLETE where one is not there as it is listed
 */
export function* listedFiles(folder: string, list: Uint8Array): Generator<SlugEntry> {
  const files = parseList(Buffer.from(list))
  // With the smallest byte in place of the slash, a folder's content follows it directly.
  const key = ({path}: ListedFile) => path.replaceAll('/', '\0')
  files.sort((a, b) => (key(a) < key(b) ? -1 : 1))
  const folders = new Set<string>()
  for (const file of files) {
    for (const [index, byte] of Array.from(file.path).entries()) {
      const parent = file.path.slice(0, index) as ByteString
      if (byte !== '/' || folders.has(parent)) continue
      folders.add(parent)
      yield {kind: 'directory', path: parent}
    }

    yield entryAt(folder, file)
  }
}

function parseList(list: Buffer): ListedFile[] {
  const files: ListedFile[] = []
  for (let start = 0; start < list.length;) {
    const end = list.indexOf(0, start)
    const tab = list.indexOf(9, start)
    if (end === -1 || tab === -1 || tab > end) throw incomplete('its list of files is cut off')
    const path = fromBytes(list.subarray(tab + 1, end))
    if (path.split('/').some(part => part === '' || part === '.' || part === '..')) throw incomplete(`its list of files names "${toText(path)}"`)
    files.push({path, mode: list.subarray(start, start + 6).toString()})
    start = end + 1
  }

  return files
}

function entryAt(folder: string, {path, mode}: ListedFile): SlugEntry {
  const place = Buffer.concat([Buffer.from(`${folder}/`), toBytes(path)])
  const stats = lstatSync(place, {throwIfNoEntry: false})
  if (mode === '120000' && stats?.isSymbolicLink()) {
    return {kind: 'symlink', path, target: fromBytes(readlinkSync(place, {encoding: 'buffer'}))}
  }

  if (mode.startsWith('100') && stats?.isFile()) {
    return {kind: 'file', path, executable: mode === '100755', size: stats.size, read: () => read(place)}
  }

  throw incomplete(`${toText(path)} is not in the slug as it was pushed`)
}

function* read(place: Buffer): Generator<Uint8Array> {
  const file = openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW)
  const buffer = Buffer.allocUnsafe(1 << 20)
  try {
    for (let left = fstatSync(file).size; left > 0;) {
      const count = readSync(file, buffer)
      if (count === 0) return
      left -= count
      yield buffer.subarray(0, count)
    }
  } finally {
    closeSync(file)
  }
}

export function incomplete(what: string): NixError {
  return new NixError(`The slug does not hold what was pushed: ${what}.`, {
    code: 'SOURCE_INCOMPLETE', exit: EXIT.project, suggestions: ['heroku nix:build, in the project\'s folder'],
  })
}
