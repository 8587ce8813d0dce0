import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {transferBar} from '../output/progress.ts'
import {ensureToolbox} from '../tools/ensure-toolbox.ts'
import type {Tool} from '../tools/lock.ts'
import type {Toolbox} from '../tools/toolbox.ts'

export interface ToolboxTelling {
  /** of the plugin */
  version: string
  onTool?: (tool: Tool) => void
  /** Stands beside the step under way. */
  status: (text: string) => void
}

/** Puts into the bucket what it lacks of the toolbox, and which version of the plugin it is of. */
export async function uploadToolbox(bucket: Bucket, toolbox: Toolbox, {version, status, onTool = () => undefined}: ToolboxTelling): Promise<{uploaded: boolean}> {
  let bar: ((bytes: number) => void) | null = null
  const result = await ensureToolbox(bucket, toolbox, {
    onTool,
    onSent: (bytes, total) => {
      bar ??= transferBar(total, status)
      bar(bytes)
    },
  })
  if (result.uploaded) await bucket.put(keys.toolbox(toolbox.digest, 'version'), Buffer.from(`${version}\n`), {condition: 'absent'})
  return result
}

/** Notes which toolbox an app is pushed with, so that nix:cache:gc leaves it alone, whichever app that runs for. */
export async function noteToolbox(bucket: Pick<Bucket, 'put'>, {app, herokuApp, digest}: {app: string; herokuApp: string; digest: string}): Promise<void> {
  await bucket.put(keys.usedToolbox(app, herokuApp), Buffer.from(`${digest}\n`), {contentType: 'text/plain'})
}
