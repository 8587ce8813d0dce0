import {fromBytes, toText, type ByteString} from '../slug/byte-string.ts'
import {badNar, narSource, type NarSource} from './nar-source.ts'

/** What a NAR holds, in its order. `path` is relative to the store path, without a slash at either end; empty: the store path itself. */
export type NarEntry =
  | {kind: 'file'; path: ByteString; executable: boolean; size: number; /** Once, and before the next entry is asked for; what is not read is skipped. */ contents: () => AsyncIterable<Buffer>}
  | {kind: 'folder'; path: ByteString}
  | {kind: 'symlink'; path: ByteString; target: ByteString}

/** Linux's limits of a path and of a name in it: no file system could have held more, and memory stays bounded. */
const MAX_PATH = 4096
const MAX_NAME = 255

/**
 * Reads a NAR that may come from anywhere (format: nix, doc/manual/source/protocols/nix-archive). Whatever Nix itself would not
 * have written is refused: names that lead out, that come twice or out of order, other padding than zeros, anything after the
 * end. Names are sorted, so nothing can be written through a symlink of the archive's own.
 * @throws NixError BAD_NAR, which names the entry
 */
export async function* readNar(input: AsyncIterable<Uint8Array>): AsyncGenerator<NarEntry, void> {
  const source = narSource(input)
  await source.expect('nix-archive-1')
  // For each open folder the name that came last in it: a stack of its own, for a NAR may be as deep as a path is long.
  const open: {path: ByteString; last: Buffer | null}[] = []
  let path = '' as ByteString
  for (;;) {
    const {entry, skip} = await readNode(source, path)
    yield entry
    await skip()
    if (entry.kind === 'folder') {
      open.push({path: entry.path, last: null})
    } else {
      await (open.length > 0 ? source.expect(')', ')') : source.expect(')'))
    }

    const next = await nextIn(source, open)
    if (next === null) break
    path = next
  }

  await source.end()
}

/** Closes the folders that end here; the next entry's path, or null at the end of the NAR. */
async function nextIn(source: NarSource, open: {path: ByteString; last: Buffer | null}[]): Promise<ByteString | null> {
  for (;;) {
    const folder = open.at(-1)
    if (!folder) return null
    const word = await source.word(folder.path)
    if (word === 'entry') {
      await source.expect('(', 'name')
      const name = await source.string(MAX_NAME, `a name in ${shown(folder.path)}`)
      checkName(name, folder.last, folder.path)
      folder.last = Buffer.from(name)
      const path = (folder.path === '' ? fromBytes(name) : `${folder.path}/${fromBytes(name)}`) as ByteString
      await source.expect('node')
      if (path.length > MAX_PATH) throw badNar(`a path of ${path.length} bytes`)
      return path
    }

    if (word !== ')') throw badNar(`${JSON.stringify(word)} instead of "entry" in ${shown(folder.path)}`)
    open.pop()
    if (open.length > 0) await source.expect(')')
  }
}

async function readNode(source: NarSource, path: ByteString): Promise<{entry: NarEntry; skip: () => Promise<void>}> {
  await source.expect('(', 'type')
  const type = await source.word(path)
  switch (type) {
    case 'directory':
      return {entry: {kind: 'folder', path}, skip: () => Promise.resolve()}
    case 'symlink': {
      await source.expect('target')
      const target = await source.string(MAX_PATH, `the target of ${shown(path)}`)
      if (target.length === 0 || target.includes(0)) throw badNar(`${shown(path)} points to ${JSON.stringify(target.toString())}`)
      return {entry: {kind: 'symlink', path, target: fromBytes(target)}, skip: () => Promise.resolve()}
    }

    case 'regular':
      return readFile(source, path)
    default:
      throw badNar(`${shown(path)} is a ${JSON.stringify(type)}`)
  }
}

async function readFile(source: NarSource, path: ByteString): Promise<{entry: NarEntry; skip: () => Promise<void>}> {
  let word = await source.peekWord(path)
  const executable = word === 'executable'
  if (executable) {
    await source.expect('executable', '')
    word = await source.peekWord(path)
  }

  // Nix leaves it out nowhere, and takes a file without it for an empty one.
  const has = word === 'contents'
  if (has) await source.expect('contents')
  const {size, bytes, skip} = has ? await source.contents() : {size: 0, bytes: nothing, skip: () => Promise.resolve()}
  return {entry: {kind: 'file', path, executable, size, contents: bytes}, skip}
}

// eslint-disable-next-line @typescript-eslint/require-await -- as asynchronous as the contents of other files
async function* nothing(): AsyncGenerator<Buffer, void> {
  yield* []
}

function checkName(name: Buffer, last: Buffer | null, folder: ByteString): void {
  const text = name.toString('latin1')
  const say = (what: string) => badNar(`entry ${JSON.stringify(name.toString())} in ${shown(folder)} ${what}`)
  if (text === '' || text === '.' || text === '..' || text.includes('/') || text.includes('\0')) throw say('has no name that a file can have')
  const order = last ? Buffer.compare(last, name) : -1
  if (order === 0) throw say('comes twice')
  if (order > 0) throw say(`comes after ${JSON.stringify(last?.toString() ?? '')}`)
}

const shown = (path: ByteString) => path === '' ? 'the store path itself' : JSON.stringify(toText(path))
