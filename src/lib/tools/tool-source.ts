import {createReadStream} from 'node:fs'
import {readFile} from 'node:fs/promises'
import {resolve} from 'node:path'
import {Readable} from 'node:stream'
import {text} from 'node:stream/consumers'
import {fileURLToPath, pathToFileURL} from 'node:url'
import {EXIT, NixError} from '../errors.ts'
import {checkDigest} from './check-digest.ts'
import {parseToolsLock, type Tool, type ToolsLock} from './lock.ts'

/** Opens a `file:`, `http:` or `https:` URL. @throws NixError TOOLS_UNREACHABLE */
export type OpenUrl = (url: string) => Promise<Readable>

/**
 * Reads the lock of tools: the plugin's own, or a mirror's.
 * @param options.mirror HEROKU_NIX_TOOLS: URL or path of another tools.lock.json
 * @param options.own path of the plugin's tools.lock.json
 * @param options.registry base URL of the npm registry
 */
export async function loadToolsLock({mirror, own, cwd, registry, open = openUrl}: {
  mirror: string | undefined; own: string; cwd: string; registry: string; open?: OpenUrl
}): Promise<ToolsLock> {
  if (!mirror) {
    return parseToolsLock(await readFile(own, 'utf8'), {from: pathToFileURL(own), registry})
  }

  const from = /^(https?|file):/.test(mirror) ? new URL(mirror) : pathToFileURL(resolve(cwd, mirror))
  return parseToolsLock(await text(await open(from.href)), {from, registry})
}

/** The tool's archive; the stream fails at its end, before it has ended, where size or digest are not those pinned. */
export async function openTool(tool: Tool, open: OpenUrl = openUrl): Promise<Readable> {
  const source = await open(tool.url)
  const checked = source.pipe(checkDigest(tool, tool.url))
  source.on('error', error => checked.destroy(unreachable(tool.url, error)))
  checked.on('close', () => source.destroy())
  return checked
}

export async function openUrl(url: string): Promise<Readable> {
  if (url.startsWith('file:')) {
    const stream = createReadStream(fileURLToPath(url))
    return new Promise((opened, failed) => {
      stream.once('open', () => opened(stream))
      stream.once('error', error => failed(unreachable(url, error)))
    })
  }

  let response: Response
  try {
    const {href, headers} = withoutCredentials(url)
    response = await fetch(href, {headers})
  } catch (error) {
    throw unreachable(url, error)
  }

  if (!response.ok || !response.body) {
    await response.body?.cancel()
    throw unreachable(url, new Error(`HTTP ${response.status}`))
  }

  return Readable.fromWeb(response.body)
}

/** fetch takes none in a URL, and quotes such a URL in its error. */
function withoutCredentials(url: string): {href: string; headers: Record<string, string>} {
  const bare = new URL(url)
  const {username, password} = bare
  bare.username = ''
  bare.password = ''
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')
  return {href: bare.href, headers: username === '' ? {} : {authorization: `Basic ${credentials}`}}
}

function unreachable(url: string, cause: unknown): NixError {
  const reasons = [cause, cause instanceof Error ? cause.cause : undefined].filter(error => error instanceof Error).map(error => error.message)
  // A mirror's URL may carry a password.
  const shown = url.replace(/^(https?:\/\/)[^/@]*@/, '$1').replace(/\?.*$/, '')
  return new NixError(`${shown} cannot be fetched: ${reasons.join(': ') || String(cause)}.`, {
    code: 'TOOLS_UNREACHABLE', exit: EXIT.unavailable,
    suggestions: ['check the connection, or set HEROKU_NIX_TOOLS to the tools.lock.json of a mirror that this machine reaches'],
    cause,
  })
}
