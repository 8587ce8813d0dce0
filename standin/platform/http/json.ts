import {createHash} from 'node:crypto'
import type {IncomingMessage, ServerResponse} from 'node:http'
import {ApiError} from './errors.ts'
import type {Answer} from './route.ts'

const LARGEST_BODY = 1024 * 1024

/** The request's JSON body, `{}` where it has none. @throws ApiError 400 for what is not JSON, 413 above 1 MiB */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > LARGEST_BODY) throw new ApiError(413, 'request_entity_too_large', 'The request body is larger than 1 MiB.')
    chunks.push(chunk)
  }

  if (size === 0) return {}
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    // What exactly is wrong with it helps nobody; Heroku says no more either.
    throw new ApiError(400, 'bad_request', 'There was a problem parsing your request body. Make sure it is valid JSON.')
  }
}

/** Sends an answer with its ETag; 304 where the client has it. */
export function sendJson({status, body, headers}: Answer, request: IncomingMessage, response: ServerResponse): void {
  const text = JSON.stringify(body)
  const etag = `"${createHash('md5').update(text).digest('hex')}"`
  const known = (request.headers['if-none-match'] ?? '').split(',').some(tag => tag.trim().replace(/^W\//, '') === etag)
  if (request.method === 'GET' && status === 200 && known) {
    response.writeHead(304, {...headers, ETag: etag}).end()
    return
  }

  response.writeHead(status, {
    ...headers, ETag: etag, 'Content-Type': 'application/json;charset=utf-8', 'Content-Length': Buffer.byteLength(text),
  }).end(text)
}
