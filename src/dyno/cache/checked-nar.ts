import {once} from 'node:events'
import {Readable, type Duplex} from 'node:stream'
import {finished} from 'node:stream/promises'
import {contentHash} from '../../lib/closure/content-hash.ts'
import {decompressor, isNative, parseCompression} from '../../lib/closure/compression.ts'
import type {NarInfo} from '../../lib/closure/narinfo.ts'
import type {CacheSource} from './source.ts'

/** The bytes are not those that the narinfo promises. */
export class WrongNar extends Error {}

/**
 * Passes a compressed NAR on while checking it. The last piece is kept back until all is known to be right, so that whoever
 * gets a wrong one never gets all of it. What needs a program to be decompressed is checked by its compressed hash alone:
 * Nix decompresses it in any case, and refuses another NAR than the signed one.
 * @throws WrongNar
 */
export async function* checkedNar(body: AsyncIterable<Buffer>, info: NarInfo): AsyncGenerator<Buffer, {fileHash: string; fileSize: number}> {
  const file = contentHash()
  const compression = parseCompression(info.compression)
  const inner = isNative(compression) ? innerNar(decompressor(compression), info) : null
  let held: Buffer | null = null
  try {
    for await (const piece of body) {
      file.update(piece)
      if (info.fileSize !== null && file.size > info.fileSize) throw new WrongNar(`its NAR has more than ${info.fileSize} bytes`)
      await inner?.write(piece)
      if (held) yield held
      held = piece
    }

    const fileHash = file.digest()
    if (info.fileHash !== null && fileHash !== info.fileHash) throw new WrongNar(`its compressed NAR has hash ${fileHash}, not ${info.fileHash}`)
    await inner?.end()
    if (held) yield held
    return {fileHash, fileSize: file.size}
  } finally {
    inner?.destroy()
  }
}

/** What is wrong with the NAR that a source has; null: nothing. */
export async function findWrong(source: CacheSource, info: NarInfo): Promise<string | null> {
  const nar = await source.open(info)
  if (!nar) return `its NAR ${info.url} is not there`
  try {
    await finished(Readable.from(checkedNar(nar.body as AsyncIterable<Buffer>, info)).resume())
    return null
  } catch (error) {
    if (error instanceof WrongNar) return error.message
    throw error
  }
}

/** Decompresses and hashes; never further than the size that was signed. */
function innerNar(stream: Duplex, {narHash, narSize}: NarInfo): {write: (piece: Buffer) => Promise<void>; end: () => Promise<void>; destroy: () => void} {
  const nar = contentHash()
  let failure: Error | null = null
  const done = new Promise<void>(resolve => {
    const fail = (reason: string) => {
      failure ??= new WrongNar(reason)
      stream.destroy()
      resolve()
    }

    stream.on('data', (piece: Buffer) => {
      nar.update(piece)
      if (nar.size > narSize) fail(`its NAR has more than the ${narSize} bytes that were signed`)
    })
    stream.once('error', error => fail(`its NAR cannot be decompressed: ${error.message}`))
    stream.once('end', resolve)
    stream.once('close', resolve)
  })
  const check = () => {
    if (failure) throw failure
  }

  return {
    async write(piece) {
      check()
      if (!stream.write(piece)) await Promise.race([once(stream, 'drain').catch(() => undefined), done])
      check()
    },
    async end() {
      stream.end()
      await done
      check()
      const hash = nar.digest()
      if (hash !== narHash) throw new WrongNar(`its NAR has hash ${hash}; signed was ${narHash}`)
    },
    destroy: () => void stream.destroy(),
  }
}
