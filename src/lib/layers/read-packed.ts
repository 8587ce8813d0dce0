import {createHash} from 'node:crypto'
import type {Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {createGunzip} from 'node:zlib'

/** A run of gzip members, and nothing else. */
export interface Packed {
  /** hex, of the bytes as they are */
  sha256: string
  /** bytes, as they are */
  size: number
  /** hex, of what they decompress to */
  contentSha256: string
}

/** @returns null: the bytes are something else. @throws what reading them throws */
export async function readPacked(bytes: Readable): Promise<Packed | null> {
  const packed = createHash('sha256')
  const content = createHash('sha256')
  const gunzip = createGunzip()
  let size = 0
  try {
    await pipeline(bytes, async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        packed.update(chunk)
        size += chunk.length
        yield chunk
      }
    }, gunzip, async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) content.update(chunk)
    })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code?.startsWith('Z_')) return null
    throw error
  }

  // What follows a zero byte would have been passed over.
  return gunzip.bytesWritten === size ? {sha256: packed.digest('hex'), size, contentSha256: content.digest('hex')} : null
}
