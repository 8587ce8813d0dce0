import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {EXIT, NixError} from '../errors.ts'
import {stays} from '../gc/stays.ts'
import {ownClock, type Waiting} from '../gc/sweep-mark.ts'
import type {Tool} from './lock.ts'
import {openTool, openUrl, type OpenUrl} from './tool-source.ts'
import type {Toolbox} from './toolbox.ts'

/** What the bucket lacks of a toolbox, in the order of upload. */
export interface ToolboxPlan {
  digest: string
  tools: Tool[]
  files: Toolbox['files']
}

/** Looks up what is there. @param isThere by its key */
export async function planToolbox(toolbox: Toolbox, isThere: (key: string) => Promise<boolean>): Promise<ToolboxPlan> {
  const missing = async <Item>(items: readonly Item[], key: (item: Item) => string) => {
    const found = await Promise.all(items.map(item => isThere(key(item))))
    return items.filter((_, index) => found[index] === false)
  }

  const [tools, files] = await Promise.all([
    missing(toolbox.tools, tool => keys.tool(tool.sha256)),
    missing(toolbox.files, file => file.key),
  ])
  return {digest: toolbox.digest, tools, files}
}

export interface UploadOptions {
  open?: OpenUrl
  /** Called before each archive, which can take a while. */
  onTool?: (tool: Tool) => void
  /** Called with the bytes so far, and how many there are to send. */
  onSent?: (bytes: number, total: number) => void
  waiting?: Waiting
}

/** Makes the bucket hold the toolbox, and keep it from being swept; gives back whether anything had to be uploaded. */
export async function ensureToolbox(
  bucket: Pick<Bucket, 'head' | 'put' | 'read' | 'touch'>, toolbox: Toolbox, {waiting = ownClock, ...options}: UploadOptions = {},
): Promise<{uploaded: boolean}> {
  const plan = await planToolbox(toolbox, key => stays(bucket, key, waiting))
  await applyToolboxPlan(bucket, plan, options)
  return {uploaded: plan.tools.length + plan.files.length > 0}
}

/** Uploads what a plan names. The loader is written last, so where it is, the rest is. */
async function applyToolboxPlan(
  bucket: Pick<Bucket, 'put'>, plan: ToolboxPlan, {open = openUrl, onTool = () => undefined, onSent = () => undefined}: UploadOptions,
): Promise<void> {
  const sizes = [...plan.tools.map(({size}) => size), ...plan.files.map(({bytes}) => bytes.length)]
  const total = sizes.reduce((sum, size) => sum + size, 0)
  let sent = 0
  for (const tool of plan.tools) {
    onTool(tool)
    await putTool(bucket, tool, {open, onSent: bytes => onSent(sent + bytes, total)})
    sent += tool.size
    onSent(sent, total)
  }

  for (const {key, bytes} of plan.files) {
    await bucket.put(key, bytes, {condition: 'absent'})
    sent += bytes.length
    onSent(sent, total)
  }
}

async function putTool(bucket: Pick<Bucket, 'put'>, tool: Tool, {open, onSent}: {open: OpenUrl; onSent: (bytes: number) => void}): Promise<void> {
  const stream = await openTool(tool, open)
  let failure: unknown
  stream.once('error', error => {
    failure = error
  })
  try {
    await bucket.put(keys.tool(tool.sha256), {stream}, {condition: 'absent', onSent})
  } catch (error) {
    // A stream that failed is why the upload did; the bucket could only name it as its own failure.
    throw failure instanceof NixError || !failure ? failure ?? error : new NixError(`${tool.name} ${tool.version} could not be fetched.`, {
      code: 'TOOLS_UNREACHABLE', exit: EXIT.unavailable, cause: failure,
    })
  } finally {
    stream.destroy()
  }
}
