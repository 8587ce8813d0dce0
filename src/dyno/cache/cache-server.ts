import {createServer, type IncomingMessage, type ServerResponse} from 'node:http'
import {once} from 'node:events'
import type {AddressInfo} from 'node:net'
import {narExtension, parseCompression} from '../../lib/closure/compression.ts'
import {printNarInfo, type NarInfo} from '../../lib/closure/narinfo.ts'
import {STORE_DIR} from '../../lib/nix/store-path.ts'
import {answerPut} from './answer-put.ts'
import type {PutPaths} from './put-paths.ts'
import {serveNar, type NarRequest} from './serve-nar.ts'
import type {CacheSource} from './source.ts'
import type {Spool} from './spool.ts'

export interface CacheServer {
  /** of each source, in their order: what Nix is told */
  urls: string[]
  /** where the post-build hook reports */
  port: number
  close(): Promise<void>
}

export interface ServedSource {
  source: CacheSource
  /** where compressed NARs that pass by are kept; null: nowhere */
  spool: Spool | null
  /** what may be put there; absent: it can be read alone */
  puts?: PutPaths
}

/** Nix asks the lower number first. */
const FIRST_PRIORITY = 10

/**
 * Serves each source as a binary cache of its own on loopback, so that Nix itself goes on to the next one when a path turns
 * out wrong, and its messages name the source.
 * @param onRegistered called when Nix has built something; the answer to the hook waits for it
 */
export async function startCacheServer(sources: readonly ServedSource[], onRegistered: () => Promise<void>): Promise<CacheServer> {
  const byName = new Map(sources.map((served, n) => [served.source.name, {...served, priority: FIRST_PRIORITY + n}]))
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else respond(response, 500, `${error instanceof Error ? error.message : String(error)}\n`)
    })
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const {method = '', url = ''} = request
    if (method === 'POST' && url === '/registered') {
      await onRegistered()
      respond(response, 204, '')
    } else {
      await answerCache(request, response)
    }
  }

  async function answerCache(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, name = '', path = ''] = /^\/([^/]+)\/(.*)$/.exec(request.url ?? '') ?? []
    const served = byName.get(name)
    if (served?.puts && request.method === 'PUT') return answerPut(request, response, path, served.puts)
    const [, hash, ending] = /^(?:nar\/)?([0-9a-z]{32})\.(narinfo|nar(?:\.\w+)?)$/.exec(path) ?? []
    if (!served) respond(response, 404, `There is no cache ${name} here.\n`)
    else if (request.method !== 'GET' && request.method !== 'HEAD') respond(response, 405, `${request.method ?? ''} is not for this cache.\n`)
    else if (path === 'nix-cache-info') respond(response, 200, `StoreDir: ${STORE_DIR}\nWantMassQuery: 1\nPriority: ${served.priority}\n`)
    else if (request.method === 'HEAD' && served.puts && path.startsWith('nar/') && path.length > 'nar/'.length + 52) respondSize(response, served.puts.narSize(path.slice('nar/'.length)))
    else if (hash === undefined) respond(response, 404, '')
    else await answerPath({request, response, hash, wantsInfo: ending === 'narinfo', ...served})
  }

  // Nix closes what it no longer needs; a connection that it keeps must not be reset under its next request.
  server.keepAliveTimeout = 300_000
  server.requestTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const {port} = server.address() as AddressInfo
  return {
    port,
    urls: sources.map(({source}) => `http://127.0.0.1:${port}/${source.name}`),
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function answerPath({wantsInfo, ...asked}: Omit<NarRequest, 'info'> & {wantsInfo: boolean}): Promise<void> {
  const {response, hash, source} = asked
  const info = await source.lookup(hash)
  if (!info) respond(response, 404, '')
  else if (wantsInfo) respond(response, 200, printNarInfo({...info, url: narUrl(hash, info)}), 'text/x-nix-narinfo')
  else await serveNar({...asked, info})
}

/** By store path, not by file: an upstream's own URL may be anything. */
function narUrl(hash: string, info: NarInfo): string {
  return `nar/${hash}.${narExtension(parseCompression(info.compression))}`
}

/** Nix asks whether a NAR is there before it puts one. */
function respondSize(response: ServerResponse, size: number | null): void {
  response.writeHead(size === null ? 404 : 200, size === null ? {} : {'content-length': size}).end()
}

function respond(response: ServerResponse, status: number, body: string, type = 'text/plain'): void {
  response.writeHead(status, {'content-type': type, 'content-length': Buffer.byteLength(body)}).end(body)
}
