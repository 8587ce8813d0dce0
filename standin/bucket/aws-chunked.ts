import {createHash} from 'node:crypto'
import {S3Error} from './s3-error.ts'
import type {ChunkVerifier} from './signature-verifier.ts'

const MAX_LINE = 16 * 1024
/** AWS's smallest chunk; only the last one with data may be smaller, and only where chunks are signed. */
const MIN_SIGNED_CHUNK = 8 * 1024

export interface ChunkedBody {
  source: AsyncIterable<Buffer>
  /** null: chunks carry no signature */
  verifier: ChunkVerifier | null
  /** Trailing headers are due, these and no others. */
  trailer: readonly string[]
  /** Told the trailing headers once all data has passed. */
  onTrailer: (headers: ReadonlyMap<string, string>) => void
}

/**
 * Takes the data out of an `aws-chunked` body: `SIZE[;chunk-signature=…]\r\nDATA\r\n`, … `0\r\n`, trailing headers.
 * A chunk's data passes on before its signature is checked, so nothing may be kept unless all of it passed.
 * Source: "Transferring Payload in Multiple Chunks" and "Including Trailing Headers" of the S3 API reference.
 */
export async function* decodeChunked({source, verifier, trailer, onTrailer}: ChunkedBody): AsyncGenerator<Buffer> {
  const reader = new LineReader(source)
  for (let previousSize = MIN_SIGNED_CHUNK; ;) {
    const {size, signature} = parseChunkHeader(await reader.line(), verifier !== null)
    if (verifier && size > 0 && previousSize < MIN_SIGNED_CHUNK) {
      throw new S3Error('InvalidChunkSizeError', 'Only the last chunk is allowed to have a size less than 8192 bytes')
    }

    const hash = verifier ? createHash('sha256') : null
    for (let left = size; left > 0;) {
      const piece = await reader.upTo(left)
      hash?.update(piece)
      left -= piece.length
      yield piece
    }

    if (verifier && hash) {
      await verifier.verifyChunk(hash.digest('hex'), signature)
    }

    if (size === 0) {
      break
    }

    await reader.expectEmptyLine()
    previousSize = size
  }

  onTrailer(await readTrailer(reader, trailer, verifier))
  await reader.expectEnd()
}

function parseChunkHeader(line: string, signed: boolean): {size: number; signature: string} {
  const fields = /^([\da-f]{1,12})(?:;chunk-signature=([\da-f]{64}))?$/i.exec(line)
  if (!fields?.[1] || (fields[2] === undefined) === signed) {
    throw malformed(`the chunk header ${JSON.stringify(line.slice(0, 100))}`)
  }

  return {size: Number.parseInt(fields[1], 16), signature: fields[2] ?? ''}
}

async function readTrailer(reader: LineReader, expected: readonly string[], verifier: ChunkVerifier | null): Promise<Map<string, string>> {
  const headers = new Map<string, string>()
  for (let line = await reader.line(); line !== ''; line = await reader.line()) {
    const colon = line.indexOf(':')
    headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }

  const signature = headers.get('x-amz-trailer-signature') ?? ''
  headers.delete('x-amz-trailer-signature')
  if (headers.size !== expected.length || expected.some(name => !headers.has(name))) {
    throw malformed(`trailing headers ${JSON.stringify([...headers.keys()])}, but x-amz-trailer announced ${JSON.stringify(expected)}`)
  }

  if (verifier && expected.length > 0) {
    await verifier.verifyTrailer([...headers].map(([name, value]) => `${name}:${value}\n`).join(''), signature)
  }

  return headers
}

function malformed(what: string): S3Error {
  return new S3Error('InvalidRequest', `The aws-chunked body is malformed: ${what}.`)
}

/** Reads lines and runs of bytes off a stream, holding no more than one piece of it and one line. */
class LineReader {
  readonly #source: AsyncIterator<Buffer>
  #buffer: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** Without its CRLF. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#buffer.indexOf('\r\n')
      if (end !== -1) {
        const line = this.#buffer.toString('utf8', 0, end)
        this.#buffer = this.#buffer.subarray(end + 2)
        return line
      }

      if (this.#buffer.length > MAX_LINE) {
        throw malformed(`a line longer than ${MAX_LINE} bytes`)
      }

      this.#buffer = Buffer.concat([this.#buffer, await this.#next()])
    }
  }

  async upTo(size: number): Promise<Buffer> {
    const available = this.#buffer.length > 0 ? this.#buffer : await this.#next()
    this.#buffer = available.subarray(size)
    return available.subarray(0, size)
  }

  async expectEmptyLine(): Promise<void> {
    const line = await this.line()
    if (line !== '') {
      throw malformed('a chunk is longer than its header says')
    }
  }

  async expectEnd(): Promise<void> {
    const {done} = await this.#source.next()
    if (this.#buffer.length > 0 || !done) {
      throw malformed('it goes on after its end')
    }
  }

  async #next(): Promise<Buffer> {
    const result = await this.#source.next()
    if (result.done === true) {
      throw new S3Error('IncompleteBody', 'The request body terminated unexpectedly')
    }

    return result.value
  }
}
