import {spawn} from 'node:child_process'
import {Duplex, PassThrough, Readable} from 'node:stream'
import {createBrotliDecompress, createGunzip} from 'node:zlib'
import {EXIT, NixError} from '../errors.ts'
import {zstdDecompressor} from './zstd.ts'

/** What binary caches compress NARs with (nix: src/libutil/compression.cc); lzip and compress have gone out of use. */
export type Compression = 'br' | 'bzip2' | 'gzip' | 'none' | 'xz' | 'zstd'

const EXTENSIONS: Record<Compression, string> = {br: '.br', bzip2: '.bz2', gzip: '.gz', none: '', xz: '.xz', zstd: '.zst'}

/** The ending of a NAR's file name: `nar.zst`. */
export function narExtension(compression: Compression): string {
  return `nar${EXTENSIONS[compression]}`
}

/**
 * A narinfo's `Compression`.
 * @throws NixError UNKNOWN_COMPRESSION
 */
export function parseCompression(text: string): Compression {
  if (text === '') return 'none'
  if (Object.hasOwn(EXTENSIONS, text)) return text as Compression
  throw new NixError(`A NAR is compressed with ${JSON.stringify(text)}; known are ${Object.keys(EXTENSIONS).join(', ')}.`, {
    code: 'UNKNOWN_COMPRESSION', exit: EXIT.verification,
  })
}

/** A stream that undoes a compression, with memory that does not depend on how much comes. Node has no xz and no bzip2: programs do those. */
export function decompressor(compression: Compression): Duplex {
  switch (compression) {
    case 'none':
      return new PassThrough()
    case 'zstd':
      return zstdDecompressor()
    case 'gzip':
      return createGunzip()
    case 'br':
      return createBrotliDecompress()
    case 'xz':
    case 'bzip2':
      return through(compression, ['--decompress', '--stdout'])
  }
}

/** Whether it is undone within this process. */
export function isNative(compression: Compression): boolean {
  return compression !== 'xz' && compression !== 'bzip2'
}

/** A program as a stream. What it complains about is the stream's error. */
function through(program: string, args: readonly string[]): Duplex {
  const child = spawn(program, args, {stdio: ['pipe', 'pipe', 'pipe']})
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-500)
  })
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status, signal) => {
      if (status === 0) resolve()
      else reject(new Error(`${program} ended with ${String(status ?? signal)}: ${complaint.trim()}`))
    })
  })
  ended.catch(() => undefined)
  // It may end before it has read all, and its exit status says why.
  child.stdin.on('error', () => undefined)
  async function* output(): AsyncGenerator<Buffer, void> {
    yield* child.stdout as AsyncIterable<Buffer>
    await ended
  }

  const from = Readable.from(output(), {objectMode: false})
  const stream = Duplex.from({writable: child.stdin, readable: from})
  stream.once('close', () => {
    child.kill('SIGKILL')
  })
  return stream
}
