import {createHash} from 'node:crypto'
import {Transform, type Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {createGunzip} from 'node:zlib'
import {EXIT, NixError} from '../errors.ts'
import type {ByteString} from '../slug/byte-string.ts'
import type {ListedFile} from './listed-file.ts'
import {BadLine, parseLine} from './listing-line.ts'

/** Far above what a slug can hold; what is larger is refused before it fills the memory. */
const DEFAULT_LIMITS = {files: 2_000_000, lineBytes: 16 << 20, bytes: 4 * 2 ** 30}

export interface ReadListingOptions {
  /** the object's, as the signed record has them */
  sha256: string
  /** bytes */
  size: number
  /** the key, for messages */
  where: string
  limits?: Partial<typeof DEFAULT_LIMITS>
}

/**
 * Reads a build's listing. Nothing is given before all of it is known to be what the signed record names.
 * @param compressed the object `files.jsonl.gz`
 * @throws NixError BAD_LISTING, WRONG_DIGEST, OLD_LISTING
 */
export async function readListing(compressed: Readable, {sha256, size, where, limits}: ReadListingOptions): Promise<ListedFile[]> {
  const most = {...DEFAULT_LIMITS, ...limits}
  const hash = createHash('sha256')
  const files: ListedFile[] = []
  const order = treeOrder()
  let length = 0
  const measured = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      length += chunk.length
      hash.update(chunk)
      // More than was promised need not be unpacked to be refused.
      done(length > size ? wrongDigest(where) : null, chunk)
    },
  })

  let line = 0
  try {
    await pipeline(compressed, measured, createGunzip(), async chunks => {
      for await (const text of linesOf(chunks as AsyncIterable<Buffer>, most)) {
        line++
        if (line > most.files) throw new BadLine(`a listing has at most ${most.files}`)
        const listed = parseLine(text)
        order(listed)
        files.push(listed)
      }
    })
  } catch (error) {
    throw explain(error, where, line)
  }

  if (length !== size || hash.digest('hex') !== sha256) throw wrongDigest(where)
  return files
}

async function* linesOf(chunks: AsyncIterable<Buffer>, {lineBytes, bytes}: typeof DEFAULT_LIMITS): AsyncGenerator<string> {
  let rest: Buffer[] = []
  let restLength = 0
  let total = 0
  for await (const chunk of chunks) {
    total += chunk.length
    if (total > bytes) throw new BadLine(`a listing has at most ${bytes} bytes`)
    let start = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      const last = chunk.subarray(start, end)
      yield rest.length === 0 ? last.toString('utf8') : Buffer.concat([...rest, last]).toString('utf8')
      rest = []
      restLength = 0
      start = end + 1
    }

    if (start === chunk.length) continue
    rest.push(chunk.subarray(start))
    restLength += chunk.length - start
    if (restLength > lineBytes) throw new BadLine(`a line has at most ${lineBytes} bytes`)
  }

  if (restLength > 0) throw new BadLine('the last line has no end')
}

/** Rules are asked about a tree from the top down: an entry must come in its directory, after its smaller siblings. */
function treeOrder(): (listed: ListedFile) => void {
  const open: {prefix: string; last: string}[] = [{prefix: '', last: ''}]
  return ({path, kind}) => {
    while (open.length > 1 && !path.startsWith(open.at(-1)?.prefix ?? '')) open.pop()
    const directory = open.at(-1)
    const name = directory === undefined ? '' : path.slice(directory.prefix.length) as ByteString
    if (directory === undefined || name.includes('/')) throw new BadLine('its directory was not listed before it')
    if (name <= directory.last) throw new BadLine('it comes after a sibling with a greater name')
    directory.last = name
    if (kind === 'directory') open.push({prefix: `${path}/`, last: ''})
  }
}

function explain(error: unknown, where: string, line: number): unknown {
  if (error instanceof BadLine) {
    return error.old
      ? new NixError(`${where} was written by an older version of heroku-nix, which did not record what files need.`, {
        code: 'OLD_LISTING', exit: EXIT.setup, suggestions: ['heroku nix:build --force, which compiles nothing again'], cause: error,
      })
      : new NixError(`${where} is not a listing: line ${line}: ${error.message}.`, {
        code: 'BAD_LISTING', exit: EXIT.verification, suggestions: ['heroku nix:build --force'], cause: error,
      })
  }

  if (!(error instanceof NixError) && (error as {code?: unknown}).code?.toString().startsWith('Z_')) {
    return new NixError(`${where} is not a listing: it is not compressed as one is (${(error as Error).message}).`, {
      code: 'BAD_LISTING', exit: EXIT.verification, suggestions: ['heroku nix:build --force'], cause: error,
    })
  }

  return error
}

function wrongDigest(where: string): NixError {
  return new NixError(`${where} is not the listing that the build wrote.`, {
    code: 'WRONG_DIGEST', exit: EXIT.verification, suggestions: ['heroku nix:build --force'],
  })
}
