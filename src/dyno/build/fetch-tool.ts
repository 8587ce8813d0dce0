import {createReadStream, createWriteStream, existsSync} from 'node:fs'
import {copyFile, rename, utimes} from 'node:fs/promises'
import {join} from 'node:path'
import {pipeline} from 'node:stream/promises'
import type {Bucket} from '../../lib/bucket/bucket.ts'
import {keys} from '../../lib/bucket/keys.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import type {PinnedTool} from '../../lib/tools/lock.ts'
import {checkDigest} from '../../lib/tools/check-digest.ts'

/**
 * Fetches a tool's archive from the bucket into a file, which is whole and checked when this returns.
 * @param kept a folder that outlives this run, as the loader's NIX_TOOLS_DIR; null: there is none
 */
export async function fetchTool(bucket: Pick<Bucket, 'name' | 'stream'>, tool: PinnedTool, file: string, kept: string | null = null): Promise<void> {
  const place = kept === null ? null : join(kept, tool.sha256)
  if (place !== null && await takeKept(tool, place, file)) return
  await download(bucket, tool, file)
  if (place === null) return
  await copyFile(file, `${place}.new`)
  await rename(`${place}.new`, place)
}

/** False where it is not there, or no longer what it was. */
async function takeKept(tool: PinnedTool, place: string, file: string): Promise<boolean> {
  if (!existsSync(place)) return false
  try {
    await pipeline(createReadStream(place), checkDigest(tool, place), createWriteStream(file))
  } catch {
    // The bucket has the right bytes.
    return false
  }

  // What was of use stays.
  await utimes(place, new Date(), new Date())
  return true
}

async function download(bucket: Pick<Bucket, 'name' | 'stream'>, tool: PinnedTool, file: string): Promise<void> {
  const key = keys.tool(tool.sha256)
  const object = await bucket.stream(key)
  if (!object) {
    throw new NixError(`${tool.name} ${tool.version} is not in bucket ${bucket.name}: there is no ${key}.`, {
      code: 'NO_TOOL', exit: EXIT.setup, suggestions: ['heroku nix:setup'],
    })
  }

  await pipeline(object.body, checkDigest(tool, `bucket ${bucket.name}`), createWriteStream(file))
}
