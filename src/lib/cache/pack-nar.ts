import {rm, writeFile} from 'node:fs/promises'
import type {Compression} from '../closure/compression.ts'
import {contentHash, type ContentHash} from '../closure/content-hash.ts'
import {narOf} from '../closure/nar-writer.ts'
import {zstdFrames} from '../closure/zstd.ts'
import {EXIT, NixError} from '../errors.ts'

/** A NAR as it lies in the bucket or is about to. */
export interface PackedNar {
  body: Uint8Array | {file: string}
  compression: Compression
  /** `sha256:` + base-32 of `body` */
  fileHash: string
  /** bytes */
  fileSize: number
}

/** Up to here what is compressed stays in memory; the rest goes to a file, so that memory stays bounded whatever a path's size. */
const IN_MEMORY = 8 * 1024 * 1024

/**
 * Compresses the NAR of a path in a store, checking it against what Nix has registered.
 * @param options.file where a large one goes; whoever gets it removes it
 * @throws NixError NAR_CHANGED
 */
export async function packNar(path: string, {narHash, narSize, file, onRead = () => undefined}: {narHash: string; narSize: number; file: string; onRead?: (bytes: number) => void}): Promise<PackedNar> {
  const nar = contentHash()
  const packed = contentHash()
  const frames = watchedLater(zstdFrames(watched(narOf(path), nar, onRead)), packed)
  const first: Buffer[] = []
  try {
    for await (const frame of frames) {
      first.push(frame)
      if (packed.size > IN_MEMORY) {
        await writeFile(file, chained(first, frames), {flag: 'wx'})
        first.length = 0
      }
    }

    const hash = nar.digest()
    if (hash !== narHash || nar.size !== narSize) {
      throw new NixError(`${path} is not what Nix registered: its NAR has hash ${hash} and ${nar.size} bytes, not ${narHash} and ${narSize}.`, {
        code: 'NAR_CHANGED', exit: EXIT.verification,
      })
    }
  } catch (error) {
    await rm(file, {force: true})
    throw error
  }

  const size = packed.size
  return {body: size > IN_MEMORY ? {file} : Buffer.concat(first), compression: 'zstd', fileHash: packed.digest(), fileSize: size}
}

function* watched(pieces: Iterable<Buffer>, hash: ContentHash, onRead: (bytes: number) => void): Generator<Buffer, void> {
  for (const piece of pieces) {
    hash.update(piece)
    onRead(piece.length)
    yield piece
  }
}

async function* watchedLater(pieces: AsyncIterable<Buffer>, hash: ContentHash): AsyncGenerator<Buffer, void> {
  for await (const piece of pieces) {
    hash.update(piece)
    yield piece
  }
}

async function* chained(first: Iterable<Buffer>, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  yield* first
  yield* rest
}
