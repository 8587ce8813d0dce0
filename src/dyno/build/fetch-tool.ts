import {createWriteStream} from 'node:fs'
import {pipeline} from 'node:stream/promises'
import type {Bucket} from '../../lib/bucket/bucket.ts'
import {keys} from '../../lib/bucket/keys.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import type {PinnedTool} from '../../lib/tools/lock.ts'
import {checkDigest} from '../../lib/tools/check-digest.ts'

/** Fetches a tool's archive from the bucket into a file, which is whole and checked when this returns. */
export async function fetchTool(bucket: Pick<Bucket, 'name' | 'stream'>, tool: PinnedTool, file: string): Promise<void> {
  const key = keys.tool(tool.sha256)
  const object = await bucket.stream(key)
  if (!object) {
    throw new NixError(`${tool.name} ${tool.version} is not in bucket ${bucket.name}: there is no ${key}.`, {
      code: 'NO_TOOL', exit: EXIT.setup, suggestions: ['heroku nix:setup'],
    })
  }

  await pipeline(object.body, checkDigest(tool, `bucket ${bucket.name}`), createWriteStream(file))
}
