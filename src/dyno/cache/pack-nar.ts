import {createWriteStream} from 'node:fs'
import {rm} from 'node:fs/promises'
import {Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {promisify} from 'node:util'
import {createZstdCompress, zstdCompress} from 'node:zlib'
import {contentHash, type ContentHash} from '../../lib/closure/content-hash.ts'
import {narOf} from '../../lib/closure/nar-writer.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import type {PackedNar} from './spool.ts'

/** Up to here a NAR is compressed in memory; a larger one into a file, so that memory stays bounded whatever a path's size. */
const IN_MEMORY = 4 * 1024 * 1024

/**
 * Compresses the NAR of a path in the canonical store, checking it against what Nix has registered.
 * @param file where a large one goes; whoever gets it removes it
 * @throws NixError NAR_CHANGED
 */
export async function packNar(path: string, {narHash, narSize, file}: {narHash: string; narSize: number; file: string}): Promise<PackedNar> {
  const nar = contentHash()
  const check = () => {
    const hash = nar.digest()
    if (hash !== narHash || nar.size !== narSize) {
      throw new NixError(`${path} is not what Nix registered: its NAR has hash ${hash} and ${nar.size} bytes, not ${narHash} and ${narSize}.`, {
        code: 'NAR_CHANGED', exit: EXIT.verification,
      })
    }
  }

  const packed = contentHash()
  if (narSize <= IN_MEMORY) {
    const body = await promisify(zstdCompress)(Buffer.concat([...watched(narOf(path), nar)]))
    check()
    packed.update(body)
    return {body, compression: 'zstd', fileHash: packed.digest(), fileSize: body.length}
  }

  try {
    await pipeline(
      Readable.from(watched(narOf(path), nar), {objectMode: false, highWaterMark: 1}), createZstdCompress(),
      (pieces: AsyncIterable<Buffer>) => watchedLater(pieces, packed), createWriteStream(file, {flags: 'wx'}),
    )
    check()
  } catch (error) {
    await rm(file, {force: true})
    throw error
  }

  return {body: {file}, compression: 'zstd', fileHash: packed.digest(), fileSize: packed.size}
}

function* watched(pieces: Iterable<Buffer>, hash: ContentHash): Generator<Buffer, void> {
  for (const piece of pieces) {
    hash.update(piece)
    yield piece
  }
}

async function* watchedLater(pieces: AsyncIterable<Buffer>, hash: ContentHash): AsyncGenerator<Buffer, void> {
  for await (const piece of pieces) {
    hash.update(piece)
    yield piece
  }
}
