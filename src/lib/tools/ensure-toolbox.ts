import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {EXIT, NixError} from '../errors.ts'
import type {Tool} from './lock.ts'
import {openTool, openUrl, type OpenUrl} from './tool-source.ts'
import type {Toolbox} from './toolbox.ts'

/** What the bucket lacks of a toolbox, in the order of upload. */
export interface ToolboxPlan {
  digest: string
  tools: Tool[]
  files: Toolbox['files']
}

/** Looks up what is there. The loader is written last, so where it is, the rest is. */
export async function planToolbox(bucket: Pick<Bucket, 'head'>, toolbox: Toolbox): Promise<ToolboxPlan> {
  const missing = async <Item>(items: readonly Item[], key: (item: Item) => string) => {
    const found = await Promise.all(items.map(item => bucket.head(key(item))))
    return items.filter((_, index) => found[index] === null)
  }

  const [tools, files] = await Promise.all([
    missing(toolbox.tools, tool => keys.tool(tool.sha256)),
    missing(toolbox.files, file => file.key),
  ])
  return {digest: toolbox.digest, tools, files}
}

/** Uploads what a plan names. @param onTool called before each archive, which can take a while */
export async function applyToolboxPlan(
  bucket: Pick<Bucket, 'put'>, plan: ToolboxPlan, {open = openUrl, onTool = () => undefined}: {open?: OpenUrl; onTool?: (tool: Tool) => void} = {},
): Promise<void> {
  for (const tool of plan.tools) {
    onTool(tool)
    await putTool(bucket, tool, open)
  }

  for (const {key, bytes} of plan.files) {
    await bucket.put(key, bytes, {condition: 'absent'})
  }
}

/** Makes the bucket hold the toolbox and gives back whether anything had to be uploaded. */
export async function ensureToolbox(
  bucket: Pick<Bucket, 'head' | 'put'>, toolbox: Toolbox, options: {open?: OpenUrl; onTool?: (tool: Tool) => void} = {},
): Promise<{uploaded: boolean}> {
  const plan = await planToolbox(bucket, toolbox)
  await applyToolboxPlan(bucket, plan, options)
  return {uploaded: plan.tools.length + plan.files.length > 0}
}

async function putTool(bucket: Pick<Bucket, 'put'>, tool: Tool, open: OpenUrl): Promise<void> {
  const stream = await openTool(tool, open)
  let failure: unknown
  stream.once('error', error => {
    failure = error
  })
  try {
    await bucket.put(keys.tool(tool.sha256), {stream}, {condition: 'absent'})
  } catch (error) {
    // A stream that failed is why the upload did; the bucket could only name it as its own failure.
    throw failure instanceof NixError || !failure ? failure ?? error : new NixError(`${tool.name} ${tool.version} could not be fetched.`, {
      code: 'TOOLS_UNREACHABLE', exit: EXIT.unavailable, cause: failure,
    })
  } finally {
    stream.destroy()
  }
}
