import * as v from 'valibot'
import {EXIT, NixError} from '../errors.ts'
import {withoutControls} from '../output/without-controls.ts'

/** A program that the dyno needs, pinned. */
export interface PinnedTool {
  name: 'nix' | 'node'
  version: string
  /** hex, of the archive */
  sha256: string
  /** bytes of the archive */
  size: number
  format: 'tar.gz' | 'tar.xz'
}

export interface Tool extends PinnedTool {
  /** where it is fetched from */
  url: string
}

/** Tool: with where to fetch it from, as clients need it. PinnedTool: as dynos do, who have it from the bucket. */
export interface ToolsLock<Kind extends PinnedTool = Tool> {
  tools: readonly Kind[]
}

const common = {
  name: v.picklist(['nix', 'node']),
  version: v.pipe(v.string(), v.regex(/^\d+(\.\d+)+$/)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  format: v.picklist(['tar.gz', 'tar.xz']),
}

const pinnedSchema = v.strictObject({version: v.literal(1), tools: v.array(v.strictObject(common))})

const schema = v.strictObject({
  version: v.literal(1),
  tools: v.array(v.union([
    v.strictObject({...common, url: v.string()}),
    // A package of npm's: the registry is the one that the Heroku CLI is configured with.
    v.strictObject({...common, npm: v.pipe(v.string(), v.regex(/^[\w.-]+@[\w.-]+$/))}),
  ])),
})

/**
 * Reads tools.lock.json.
 * @param from URL or path of the lock itself: relative URLs in it are resolved against it, so that a mirror is a folder
 * @param registry base URL of the npm registry
 * @throws NixError BAD_TOOLS_LOCK
 */
export function parseToolsLock(text: string, {from, registry}: {from: URL; registry: string}): ToolsLock {
  const {tools} = parse(schema, text, from.href)
  return {
    tools: tools.map(tool => {
      const {name, version, sha256, size, format} = tool
      return {name, version, sha256, size, format, url: 'url' in tool ? resolve(tool.url) : npmUrl(tool.npm, registry)}
    }),
  }

  function resolve(url: string): string {
    if (!URL.canParse(url, from.href)) {
      throw bad(from.href, `"${withoutControls(url).slice(0, 200)}" is not a URL`)
    }

    return new URL(url, from).href
  }
}

/** A toolbox's own lock, which names no source. @throws NixError BAD_TOOLS_LOCK */
export function parsePinnedTools(text: string, where: string): ToolsLock<PinnedTool> {
  return {tools: parse(pinnedSchema, text, where).tools}
}

/** The lock as a toolbox holds it: where a tool came from is no part of it, so a mirror makes the same toolbox. */
export function formatPinnedTools({tools}: ToolsLock<PinnedTool>): string {
  const pinned = tools.map(({name, version, sha256, size, format}) => ({name, version, sha256, size, format}))
  return `${JSON.stringify({version: 1, tools: pinned}, null, 2)}\n`
}

function parse<Schema extends v.GenericSchema>(shape: Schema, text: string, where: string): v.InferOutput<Schema> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw bad(where, 'not JSON', error)
  }

  const result = v.safeParse(shape, value)
  if (!result.success) {
    const [issue] = result.issues
    throw bad(where, withoutControls(`${v.getDotPath(issue) ?? 'the whole'}: ${issue.message}`).slice(0, 200))
  }

  return result.output
}

function bad(where: string, reason: string, cause?: unknown): NixError {
  return new NixError(`${where} is not a lock file of tools: ${reason}.`, {
    code: 'BAD_TOOLS_LOCK', exit: EXIT.setup, suggestions: ['see HEROKU_NIX_TOOLS in docs/config-vars.md'], cause,
  })
}

function npmUrl(spec: string, registry: string): string {
  const [name = '', version = ''] = spec.split('@')
  return `${registry.replace(/\/+$/, '')}/${name}/-/${name}-${version}.tgz`
}

/**
 * The tool of that name, and of that version where one is asked for.
 * @throws NixError NO_SUCH_TOOL
 */
export function toolOf<Kind extends PinnedTool>(lock: ToolsLock<Kind>, name: Kind['name'], version: string | null = null): Kind {
  const known = lock.tools.filter(tool => tool.name === name)
  const found = known.find(tool => version === null || tool.version === version)
  if (!found) {
    throw new NixError(`NIX_VERSION is "${version ?? ''}", but this version of heroku-nix has ${name} ${known.map(tool => tool.version).join(', ') || 'not at all'}.`, {
      code: 'NO_SUCH_TOOL', exit: EXIT.setup, suggestions: ['heroku config:unset NIX_VERSION'],
    })
  }

  return found
}
