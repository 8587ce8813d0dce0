import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {ensureToolbox} from '../tools/ensure-toolbox.ts'
import type {Tool} from '../tools/lock.ts'
import type {Toolbox} from '../tools/toolbox.ts'

/** Puts into the bucket what it lacks of the toolbox, and which version of the plugin it is of. */
export async function uploadToolbox(
  bucket: Bucket, toolbox: Toolbox, {version, onTool}: {version: string; onTool: (tool: Tool) => void},
): Promise<{uploaded: boolean}> {
  const result = await ensureToolbox(bucket, toolbox, {onTool})
  if (result.uploaded) await bucket.put(keys.toolbox(toolbox.digest, 'version'), Buffer.from(`${version}\n`), {condition: 'absent'})
  return result
}
