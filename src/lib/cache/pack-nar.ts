import fs from 'node:fs'
import type {Compression} from '../closure/compression.ts'
import {contentHash, type ContentHash} from '../closure/content-hash.ts'
import {narOf} from '../closure/nar-writer.ts'
import type {PiecePool} from '../closure/piece-pool.ts'
import type {ZstdCompressors} from '../closure/zstd-compressors.ts'
import {zstdFrames} from '../closure/zstd.ts'
import {EXIT, NixError} from '../errors.ts'
import {releaseMemory} from '../release-memory.ts'

/** A NAR as it lies in the bucket or is about to. */
export interface PackedNar {
  body: Uint8Array<ArrayBuffer> | {file: string}
  compression: Compression
  /** `sha256:` + base-32 of `body` */
  fileHash: string
  /** bytes */
  fileSize: number
}

/** A path that is to be packed. */
export interface Unpacked {
  /** where it lies */
  path: string
  /** as Nix registered it */
  narHash: string
  narSize: number
  /** where it goes when it is large */
  file: string
}

/** Up to here what is compressed stays in memory; the rest goes to a file, so that memory stays bounded whatever a path's size. */
const IN_MEMORY = 8 * 1024 * 1024

export interface PackOptions {
  pieces: PiecePool
  compressors: ZstdCompressors
  /** Called with the bytes of each piece that was read. */
  onRead?: (bytes: number) => void
  /** Called when there is nothing more to read; some of it may still be compressed. */
  onAllRead?: () => void
}

/**
 * Compresses the NAR of a path in a store, checking it against what Nix has registered.
 * @throws NixError NAR_CHANGED
 */
export async function packNar({path, narHash, narSize, file}: Unpacked, {pieces, compressors, onRead = () => undefined, onAllRead = () => undefined}: PackOptions): Promise<PackedNar> {
  const nar = contentHash()
  const packed = contentHash()
  const read = watched(narOf(path, pieces), nar, {onRead, onAllRead})
  try {
    const body = await kept(hashed(zstdFrames(read, compressors, {done: piece => pieces.give(piece)}), packed), file)
    const hash = nar.digest()
    if (hash !== narHash || nar.size !== narSize) {
      throw new NixError(`${path} is not what Nix registered: its NAR has hash ${hash} and ${nar.size} bytes, not ${narHash} and ${narSize}.`, {
        code: 'NAR_CHANGED', exit: EXIT.verification,
      })
    }

    return {body, compression: 'zstd', fileSize: packed.size, fileHash: packed.digest()}
  } catch (error) {
    fs.rmSync(file, {force: true})
    throw error
  }
}

/** Written with synchronous calls: on libuv's threads a write would wait for all that is compressed there, and reading for it. */
async function kept(frames: AsyncIterable<Buffer>, file: string): Promise<PackedNar['body']> {
  const inMemory: Buffer[] = []
  let size = 0
  let target: number | null = null
  try {
    for await (const frame of frames) {
      size += frame.length
      inMemory.push(frame)
      if (size <= IN_MEMORY) continue
      target ??= fs.openSync(file, 'wx')
      for (const one of inMemory.splice(0)) {
        fs.writeFileSync(target, one)
        releaseMemory(one)
      }
    }
  } finally {
    if (target !== null) fs.closeSync(target)
  }

  return target === null ? joined(inMemory, size) : {file}
}

/** In memory of its own, which can be handed to another thread. */
function joined(frames: readonly Buffer[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size)
  let filled = 0
  for (const frame of frames) {
    whole.set(frame, filled)
    filled += frame.length
    releaseMemory(frame)
  }

  return whole
}

function* watched(pieces: Iterable<Buffer>, hash: ContentHash, {onRead, onAllRead}: Required<Pick<PackOptions, 'onAllRead' | 'onRead'>>): Generator<Buffer, void> {
  try {
    for (const piece of pieces) {
      hash.update(piece)
      onRead(piece.length)
      yield piece
    }
  } finally {
    onAllRead()
  }
}

async function* hashed(pieces: AsyncIterable<Buffer>, hash: ContentHash): AsyncGenerator<Buffer, void> {
  for await (const piece of pieces) {
    hash.update(piece)
    yield piece
  }
}
