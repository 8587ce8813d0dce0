import type {IncomingMessage, ServerResponse} from 'node:http'
import {MAX_NARINFO} from '../../lib/closure/narinfo.ts'
import {isPassing} from '../../lib/bucket/s3-error.ts'
import type {PutPaths} from './put-paths.ts'
import {NotTaken} from './received-nars.ts'

const MAX_PASSED_OVER = 256 * 1024 * 1024

/** Answers a PUT of what Nix puts into a binary cache over HTTP (nix: src/libstore/http-binary-cache-store.cc). @param path below the cache's URL */
export async function answerPut(request: IncomingMessage, response: ServerResponse, path: string, puts: PutPaths): Promise<void> {
  const [, nar] = /^nar\/([^/]+)$/.exec(path) ?? []
  const [, hash] = /^([0-9a-df-np-sv-z]{32})\.narinfo$/.exec(path) ?? []
  try {
    const coding = request.headers['content-encoding'] ?? 'identity'
    if (coding !== 'identity') throw new NotTaken(415, `${path} has Content-Encoding ${coding}; this cache takes none (narinfo-compression)`)
    if (nar !== undefined) await puts.nar(nar, piecesOf(request))
    else if (hash !== undefined) await puts.narInfo(hash, await textOf(request, path))
    else if (path === 'nix-cache-info') await puts.cacheInfo(await textOf(request, path))
    else throw new NotTaken(405, `${path} is not kept here: this cache takes HASH.narinfo, nar/FILEHASH.nar.zst (and alike) and nix-cache-info`)
    end(response, 200, '')
  } catch (error) {
    if (request.readableAborted) return
    await passOver(request)
    if (error instanceof NotTaken) end(response, error.status, `${error.message}.\n`)
    // Nix tries again what is answered with 503.
    else end(response, isPassing(error) ? 503 : 500, `${error instanceof Error ? error.message : String(error)}\n`)
  }
}

async function textOf(request: IncomingMessage, path: string): Promise<string> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of piecesOf(request)) {
    size += piece.length
    if (size > MAX_NARINFO) throw new NotTaken(413, `${path} has more than ${MAX_NARINFO} bytes`)
    pieces.push(piece)
  }

  return Buffer.concat(pieces).toString()
}

/** So that who stops in the middle can still be answered. */
function piecesOf(request: IncomingMessage): AsyncIterable<Buffer> {
  return request.iterator({destroyOnReturn: false}) as AsyncIterable<Buffer>
}

/** Clients read the answer when they have sent all, unless that has no end. */
async function passOver(request: IncomingMessage): Promise<void> {
  let passed = 0
  for await (const piece of piecesOf(request)) {
    passed += piece.length
    if (passed > MAX_PASSED_OVER) return
  }
}

/** What was not read of the request must not be taken for the next one. */
function end(response: ServerResponse, status: number, body: string): void {
  const isRead = response.req.complete
  response.writeHead(status, {'content-type': 'text/plain', 'content-length': Buffer.byteLength(body), ...(isRead ? {} : {connection: 'close'})}).end(body)
}
