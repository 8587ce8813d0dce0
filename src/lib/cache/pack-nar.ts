import {rm, writeFile} from 'node:fs/promises'
import type {Compression} from '../closure/compression.ts'
import {contentHash, type ContentHash} from '../closure/content-hash.ts'
import {narOf} from '../closure/nar-writer.ts'
import {piecePool, type PiecePool} from '../closure/piece-pool.ts'
import {zstdCompressors, type ZstdCompressors} from '../closure/zstd-compressors.ts'
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

/** What packing takes, to be shared by all that is packed: how much is held and runs at once is bounded by it. */
export interface Packer {
  pieces: PiecePool
  compressors: ZstdCompressors
}

export function narPacker(): Packer {
  const compressors = zstdCompressors()
  // One more is begun for each path under way.
  return {pieces: piecePool(compressors.atOnce * 2), compressors}
}

export interface PackOptions {
  /** as Nix registered it */
  narHash: string
  narSize: number
  /** where a large one goes; whoever gets it removes it */
  file: string
  packer: Packer
  /** Called with the bytes of each piece that was read. */
  onRead?: (bytes: number) => void
}

/**
 * Compresses the NAR of a path in a store, checking it against what Nix has registered.
 * @throws NixError NAR_CHANGED
 */
export async function packNar(path: string, {narHash, narSize, file, packer: {pieces, compressors}, onRead = () => undefined}: PackOptions): Promise<PackedNar> {
  const nar = contentHash()
  const packed = contentHash()
  const frames = watchedLater(zstdFrames(watched(narOf(path, pieces), nar, onRead), compressors, {done: piece => pieces.give(piece)}), packed)
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
