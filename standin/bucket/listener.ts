import {randomBytes} from 'node:crypto'
import type {IncomingMessage, ServerResponse} from 'node:http'
import {pipeline} from 'node:stream/promises'
import type {Reply} from './call.ts'
import {S3Error} from './s3-error.ts'
import type {ServiceRequest} from './service.ts'
import {renderError} from './xml.ts'

export interface Exchange {
  request: IncomingMessage
  response: ServerResponse
  /** The client waits for `100 Continue` before it sends its body. */
  expectsContinue: boolean
}

/** Takes an HTTP exchange from its request to the end of its answer. Never throws. */
export async function answer({request, response, expectsContinue}: Exchange, serve: (request: ServiceRequest) => Promise<Reply>): Promise<void> {
  const id = randomBytes(8).toString('hex').toUpperCase()
  let bodyWanted = !expectsContinue
  async function* body(): AsyncGenerator<Buffer> {
    if (!bodyWanted) {
      bodyWanted = true
      response.writeContinue()
    }

    // Leaving the loop must not end the connection: the answer has yet to go out on it.
    yield* request.iterator({destroyOnReturn: false}) as AsyncIterable<Buffer>
  }

  const method = request.method ?? ''
  const url = request.url ?? ''
  let reply: Reply
  try {
    reply = await serve({method, url, headers: flatten(request), body: body()})
  } catch (error) {
    reply = errorReply(error, {id, url, hasBody: method !== 'HEAD'})
  }

  try {
    await send({request, response, reply, id, closing: !bodyWanted})
  } catch {
    // The client is gone, or a file could not be read after the headers went out: a broken answer says so.
    response.destroy()
  }
}

interface Sending {
  request: IncomingMessage
  response: ServerResponse
  reply: Reply
  id: string
  closing: boolean
}

async function send({request, response, reply, id, closing}: Sending): Promise<void> {
  const {status, headers = {}, body = ''} = reply
  response.statusCode = status
  response.setHeaders(new Map(Object.entries({'x-amz-request-id': id, server: 'standin', ...headers})))
  if (closing) {
    response.setHeader('connection', 'close')
  }

  // What is left of a refused body is read and dropped, or a client that is still sending would see a reset instead of the answer.
  request.resume()
  if (typeof body !== 'string') {
    await pipeline(body, response)
    return
  }

  if (body !== '') {
    response.setHeader('content-length', Buffer.byteLength(body))
  }

  response.end(body)
}

function errorReply(error: unknown, {id, url, hasBody}: {id: string; url: string; hasBody: boolean}): Reply {
  const known = error instanceof S3Error ? error : new S3Error('InternalError', `We encountered an internal error: ${String(error)}`)
  const region = known.detail['Region']
  return {
    status: known.status,
    headers: {...(region === undefined ? {} : {'x-amz-bucket-region': region}), ...(hasBody ? {'content-type': 'application/xml'} : {})},
    body: hasBody ? renderError({Code: known.code, Message: known.message, ...known.detail, Resource: url.replace(/\?.*/, ''), RequestId: id}) : '',
  }
}

function flatten({headers}: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value ?? '']))
}
