import {createHash} from 'node:crypto'
import {keys} from '../bucket/keys.ts'
import {formatPinnedTools, toolOf, type Tool, type ToolsLock} from './lock.ts'

/** What a dyno needs before it can start, addressed by the sha256 of its loader, which names all else by theirs. */
export interface Toolbox {
  /** hex */
  digest: string
  /** in the order of upload: the loader last, because who finds the loader relies on the rest */
  files: {key: string; bytes: Buffer}[]
  /** archives to have in the bucket beside it */
  tools: Tool[]
}

/**
 * Makes the toolbox.
 * @param options.program the bundled dyno program
 * @param options.loaderTemplate text of src/dyno/loader.sh
 */
export function makeToolbox({lock, program, loaderTemplate}: {lock: ToolsLock; program: Uint8Array; loaderTemplate: string}): Toolbox {
  const node = toolOf(lock, 'node')
  const nix = toolOf(lock, 'nix')
  const tools = [node, nix]
  const pinned = Buffer.from(formatPinnedTools({tools}))
  const loader = fill(loaderTemplate, {
    NODE_SHA256: node.sha256,
    PROGRAM_SHA256: sha256(program),
    LOCK_SHA256: sha256(pinned),
  })
  const digest = sha256(loader)
  return {
    digest,
    tools,
    files: [
      {key: keys.toolbox(digest, 'tools.lock.json'), bytes: pinned},
      {key: keys.toolbox(digest, 'dyno.mjs'), bytes: Buffer.from(program)},
      {key: keys.toolbox(digest, 'loader.sh'), bytes: loader},
    ],
  }
}

/** Puts values in the places of `@NAME@`; the result ends in exactly one newline, which the dyno's command counts on. */
function fill(template: string, values: Record<string, string>): Buffer {
  const text = template.replaceAll(/@([A-Z0-9_]+)@/g, (_, name: string) => {
    const value = values[name]
    if (value === undefined) {
      throw new TypeError(`The loader's template wants ${name}, which nobody gives.`)
    }

    return value
  })
  return Buffer.from(`${text.replace(/\n+$/, '')}\n`)
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
