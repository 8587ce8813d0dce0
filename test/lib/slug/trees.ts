import {execFile} from 'node:child_process'
import {createHash} from 'node:crypto'
import {chmod, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {Writable} from 'node:stream'
import {promisify} from 'node:util'
import {fromBytes, fromText, toBytes, type ByteString} from '../../../src/lib/slug/byte-string.ts'

const run = promisify(execFile)

export async function inTemporaryDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'slug-'))
  try {
    return await use(directory)
  } finally {
    await run('chmod', ['-R', 'u+rwX', directory])
    await rm(directory, {recursive: true})
  }
}

/** What a tree is made of, by path: a text is a file, `{to}` a symbolic link, `{run}` a program, null an empty folder. */
export type Plan = Record<string, string | Buffer | {to: string} | {run: string} | null>

export async function makeTree(root: string, plan: Plan): Promise<void> {
  for (const [path, thing] of Object.entries(plan)) {
    const place = at(root, fromText(path))
    await mkdir(place.subarray(0, place.lastIndexOf('/')), {recursive: true})
    if (thing === null) await mkdir(place, {recursive: true})
    else if (typeof thing === 'string' || Buffer.isBuffer(thing)) await writeFile(place, thing)
    else if ('to' in thing) await symlink(thing.to, place)
    else {
      await writeFile(place, thing.run)
      await chmod(place, 0o755)
    }
  }
}

/** Each thing under a folder in one line, sorted by path: kind, mode, mtime, sha256 of the content or target. */
export async function describeTree(root: string): Promise<string[]> {
  const lines: string[] = []
  async function visit(path: ByteString): Promise<void> {
    const place = at(root, path)
    const stats = await lstat(place)
    const shown = JSON.stringify(path)
    if (stats.isSymbolicLink()) lines.push(`${shown} -> ${JSON.stringify(fromBytes(await readlink(place, {encoding: 'buffer'})))}`)
    else if (stats.isFile()) {
      const digest = createHash('sha256').update(await readFile(place)).digest('hex')
      lines.push(`${shown} ${(stats.mode & 0o7777).toString(8)} ${stats.mtimeMs / 1000} ${stats.size} ${digest}`)
    } else {
      lines.push(`${shown}/ ${(stats.mode & 0o7777).toString(8)}`)
      for (const name of await readdir(place, {encoding: 'buffer'})) await visit(`${path}/${fromBytes(name)}` as ByteString)
    }
  }

  for (const name of await readdir(root, {encoding: 'buffer'})) await visit(fromBytes(name))
  return lines.sort()
}

/** Keeps what is written to it. */
export class Memory extends Writable {
  readonly #chunks: Buffer[] = []

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#chunks.push(chunk)
    done()
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}

/** Unpacks with GNU tar, as Heroku does. @param archive a whole tar.gz */
export async function unpack(archive: Buffer, into: string): Promise<void> {
  await mkdir(into, {recursive: true})
  const tar = run('tar', ['-xzf', '-', '-C', into])
  tar.child.stdin?.end(archive)
  const {stderr} = await tar
  if (stderr) throw new Error(stderr)
}

function at(root: string, path: ByteString): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), toBytes(path)])
}
