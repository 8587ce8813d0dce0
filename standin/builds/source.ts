import {createHash} from 'node:crypto'
import {createReadStream, createWriteStream} from 'node:fs'
import {open} from 'node:fs/promises'
import type {Readable} from 'node:stream'
import {Transform, pipeline as piped} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {createGunzip} from 'node:zlib'
import {BuildFailure} from './failure.ts'

/**
 * Downloads a source and compares it with its checksum.
 *
 * @throws BuildFailure
 */
export async function downloadSource({url, checksum}: {url: string; checksum: string | null}, file: string, signal: AbortSignal): Promise<void> {
  const hash = createHash('sha256')
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  try {
    const response = await fetch(url, {signal})
    if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`)
    await pipeline(response.body, measure, createWriteStream(file, {mode: 0o600}))
  } catch (error) {
    // A source's URL may be signed: its query is not printed.
    throw new BuildFailure(`Push rejected, cannot download the source from ${url.replace(/\?.*/s, '?…')}: ${(error as Error).message}`, '', 'Push failed')
  }

  const sha256 = hash.digest('hex')
  if (checksum !== null && checksum.toLowerCase() !== `sha256:${sha256}`) {
    throw new BuildFailure(`Push rejected, the source's SHA256 is ${sha256}, and its checksum says ${checksum}.`, '', 'Push failed')
  }
}

/** The tar in a file, which may be compressed by gzip. */
export async function openTar(file: string): Promise<Readable> {
  await using handle = await open(file)
  const {buffer, bytesRead} = await handle.read(Buffer.alloc(2), 0, 2, 0)
  const bytes = createReadStream(file)
  // What is wrong with the bytes is reported by the one who reads them.
  return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b ? piped(bytes, createGunzip(), () => undefined) : bytes
}
