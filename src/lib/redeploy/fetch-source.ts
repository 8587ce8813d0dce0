import {createHash} from 'node:crypto'
import {createReadStream, createWriteStream} from 'node:fs'
import {pipeline} from 'node:stream/promises'
import {createGunzip} from 'node:zlib'
import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import type {SucceededBuild} from '../build/record.ts'
import type {Slug} from '../slug/assemble.ts'
import {sourceGone, wrongSource} from './fetch-parts.ts'

/**
 * Fetches the source that was built into a file, as it lies in the bucket. Its tar must be what the signed record says.
 * @returns the file, and the sha256 (hex) of its bytes
 * @throws NixError SOURCE_GONE, WRONG_DIGEST
 */
export async function fetchSource(bucket: Pick<Bucket, 'stream'>, record: SucceededBuild, file: string): Promise<Slug & {sha256: string}> {
  const key = keys.source(record.app, record.source.tree)
  const object = await bucket.stream(key)
  if (object === null) throw sourceGone(key)
  const packed = createHash('sha256')
  let size = 0
  await pipeline(object.body, async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      packed.update(chunk)
      size += chunk.length
      yield chunk
    }
  }, createWriteStream(file))
  if (await sha256OfTar(file) !== record.source.sha256) throw wrongSource(key, record)
  return {size, sha256: packed.digest('hex'), open: () => createReadStream(file)}
}

/** @returns null: it is no gzip */
async function sha256OfTar(file: string): Promise<string | null> {
  const tar = createHash('sha256')
  try {
    await pipeline(createReadStream(file), createGunzip(), async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) tar.update(chunk)
    })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code?.startsWith('Z_')) return null
    throw error
  }

  return tar.digest('hex')
}
