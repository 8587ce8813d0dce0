import type {Readable} from 'node:stream'
import {extract, type Extract, type Header} from 'tar-stream'
import {EXIT, NixError} from '../errors.ts'
import {withoutControls} from '../output/without-controls.ts'
import {fromText, toText, type ByteString} from './byte-string.ts'
import type {SlugEntry} from './entry.ts'

const OWNER_EXECUTE = 0o100
/** Bytes, and members: of more no slug could be made, and a few bytes of gzip may stand for any number of either. */
const MAX_BYTES = 4 * 1024 ** 3
const MAX_MEMBERS = 1_000_000
/** Bytes of a path: what Linux takes (PATH_MAX), less than half for the folder that it is unpacked to. */
const MAX_PATH = 2000
/** Bytes of a name: NAME_MAX */
const MAX_NAME = 255

/**
 * Reads a project's uncompressed tar, names relative to the project's root. A file's content must be read before the
 * next entry is asked for; what nobody reads is skipped.
 * @throws NixError BAD_SOURCE for names that leave the project, for what no Git tree holds, and for a broken tar
 */
export async function* sourceEntries(tar: Readable): AsyncGenerator<SlugEntry> {
  const entries = extractBytes(tar)
  const seen = new SeenNames()
  let bytes = 0
  let members = 0
  try {
    for await (const entry of entries) {
      bytes += entry.header.size
      members++
      if (bytes > MAX_BYTES || members > MAX_MEMBERS) throw badSource(`The source's tar holds more than ${MAX_BYTES / 1024 ** 3} GiB or ${MAX_MEMBERS} files.`)
      const parsed = parseEntry(entry)
      if (parsed) yield seen.check(parsed)
      entry.resume()
    }
  } catch (error) {
    throw error instanceof NixError ? error : badSource(`The source's tar cannot be read: ${String(error)}`, error)
  } finally {
    tar.destroy()
    entries.destroy()
  }
}

type Entry = Extract extends AsyncIterable<infer E> ? E : never

/** tar-stream's reader, fed by the given tar. Its types don't know the option, which gives names back byte by byte. */
function extractBytes(tar: Readable): Extract {
  const options: Parameters<typeof extract>[0] & {filenameEncoding: BufferEncoding} = {filenameEncoding: 'latin1'}
  const entries = extract(options)
  tar.once('error', error => entries.destroy(error))
  tar.once('close', () => {
    if (!tar.readableEnded) entries.destroy(new Error('it ended early'))
  })
  tar.pipe(entries)
  return entries
}

function parseEntry(entry: Entry): SlugEntry | null {
  const {header} = entry
  const path = parseName(textOrBytes(header, 'path', header.name))
  if (path === '' && header.type !== 'directory') throw badSource(`The source's tar holds a ${header.type} without a name.`)
  switch (header.type) {
    case 'directory':
      return path === '' ? null : {kind: 'directory', path}
    case 'file':
    case 'contiguous-file':
      return {kind: 'file', path, executable: (header.mode & OWNER_EXECUTE) !== 0, size: header.size, read: () => contentOf(entry, path)}
    case 'symlink': {
      const target = textOrBytes(header, 'linkpath', header.linkname)
      if (target === '' || target.includes('\0')) throw badSource(`The source's tar holds the symbolic link ${toText(path)}, which points nowhere.`)
      if (target.length > MAX_PATH) throw badSource(`The source's tar holds the symbolic link ${toText(path)}, whose target has ${target.length} bytes.`)
      return {kind: 'symlink', path, target}
    }

    default:
      throw badSource(`The source's tar holds ${toText(path)}, which is a ${header.type}; a Git tree holds files, folders and symbolic links.`)
  }
}

async function* contentOf(entry: Entry, path: ByteString): AsyncGenerator<Uint8Array> {
  try {
    yield* entry as AsyncIterable<Uint8Array>
  } catch (error) {
    throw badSource(`The source's tar cannot be read: it breaks off in ${toText(path)} (${String(error)}).`, error)
  }
}

/** A pax header's values are text already; the others were read as bytes. */
function textOrBytes(header: Header, key: 'linkpath' | 'path', bytes: string | null): ByteString {
  const pax = header.pax as Partial<Record<string, string>> | null
  const text = pax?.[key]
  if (text === undefined) return (bytes ?? '') as ByteString
  if (text.includes('\uFFFD')) throw badSource(`The source's tar has a pax header for ${text}, a name that is not UTF-8.`)
  return fromText(text)
}

function parseName(name: ByteString): ByteString {
  const path = name.replace(/^(\.\/+)+/, '').replace(/\/+$/, '')
  if (path === '' || path === '.') return '' as ByteString
  if (name.startsWith('/') || path.split('/').some(part => part === '' || part === '.' || part === '..') || path.includes('\0')) {
    throw badSource(`The source's tar holds "${toText(name)}", a name that does not stay inside the project.`)
  }

  if (path.length > MAX_PATH || path.split('/').some(part => part.length > MAX_NAME)) {
    throw badSource(`The source's tar holds "${toText(name).slice(0, 100)}…", a name of ${path.length} bytes: longer than Linux takes.`)
  }

  return path as ByteString
}

/** What unpacking would do with a name depends on what came before: nothing may come twice, or lie under what is no folder. */
class SeenNames {
  readonly #kinds = new Map<string, SlugEntry['kind']>()

  check(entry: SlugEntry): SlugEntry {
    for (let slash = entry.path.indexOf('/'); slash !== -1; slash = entry.path.indexOf('/', slash + 1)) {
      const parent = entry.path.slice(0, slash) as ByteString
      if ((this.#kinds.get(parent) ?? 'directory') !== 'directory') {
        throw badSource(`The source's tar holds "${toText(entry.path)}", but "${toText(parent)}" is no folder.`)
      }

      this.#kinds.set(parent, 'directory')
    }

    const before = this.#kinds.get(entry.path)
    if (before && (before !== 'directory' || entry.kind !== 'directory')) {
      throw badSource(`The source's tar holds "${toText(entry.path)}" twice.`)
    }

    this.#kinds.set(entry.path, entry.kind)
    return entry
  }
}

function badSource(message: string, cause?: unknown): NixError {
  // Names come from whoever made the tar, and go to a terminal.
  return new NixError(withoutControls(message), {code: 'BAD_SOURCE', exit: EXIT.project, suggestions: ['heroku nix:build --force'], cause})
}
