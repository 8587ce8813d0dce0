import {spawn} from 'node:child_process'
import {Readable, pipeline, type Duplex, type Writable} from 'node:stream'
import {createGunzip, createInflateRaw} from 'node:zlib'
import {zstdDecompressor} from '../closure/zstd.ts'
import {NotScannedError} from './limits.ts'

export type Method = 'bzip2' | 'deflate' | 'gzip' | 'xz' | 'zstd'

/** Bytes of output at a time: fewer turns of the event loop than zlib's own 16 KiB. */
const CHUNK = 128 * 1024
/** Bytes; xz -9 needs 65 MiB. */
const XZ_MEMORY = 256 * 1024 * 1024

/**
 * The content of compressed bytes, as far as they can be read: what is broken holds nothing for anybody from there on.
 * Node has no decoder of xz and bzip2; every image and every system that has Nix has the programs.
 * @throws NotScannedError where such a program is missing
 */
export async function* decompress(method: Method, bytes: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
  const decoder = decoderOf(method)
  let failure: Error | null = null
  // Its failure is that of reading the output, below, or that of reading the input, which is ours to pass on.
  const input = Readable.from(passingOn(bytes, error => {
    failure = error
  }), {objectMode: false})
  pipeline(input, decoder.input, () => undefined)
  try {
    for await (const chunk of decoder.output) yield chunk as Buffer
  } catch {
    // Broken from here on; what became of the input is told below.
  } finally {
    decoder.output.destroy()
    input.destroy()
  }

  const reason = (failure as Error | null) ?? decoder.failure()
  if (reason !== null) throw reason
}

async function* passingOn(bytes: AsyncIterable<Buffer> | Iterable<Buffer>, onError: (error: Error) => void): AsyncGenerator<Buffer> {
  try {
    for await (const piece of bytes) yield piece
  } catch (error) {
    onError(error as Error)
    throw error
  }
}

interface Decoder {
  input: Writable
  output: Readable
  failure: () => NotScannedError | null
}

function decoderOf(method: Method): Decoder {
  switch (method) {
    case 'gzip':
      return own(createGunzip({chunkSize: CHUNK}))
    case 'deflate':
      return own(createInflateRaw({chunkSize: CHUNK}))
    case 'zstd':
      return own(zstdDecompressor())
    case 'bzip2':
    case 'xz':
      return program(method)
  }
}

function own(stream: Duplex): Decoder {
  return {input: stream, output: stream, failure: () => null}
}

function program(name: 'bzip2' | 'xz'): Decoder {
  const child = spawn(name, ['--decompress', '--stdout', ...(name === 'xz' ? [`--memlimit-decompress=${XZ_MEMORY}`] : [])], {
    env: {PATH: '/usr/local/bin:/usr/bin:/bin'}, stdio: ['pipe', 'pipe', 'ignore'],
  })
  let failure: NotScannedError | null = null
  child.once('error', () => {
    failure = new NotScannedError(`there is no ${name} on this machine`)
  })
  // Whoever has seen enough closes this, and a writer to a closed pipe is ended by that.
  child.stdout.once('close', () => child.kill('SIGKILL'))
  return {input: child.stdin, output: child.stdout, failure: () => failure}
}
