import {request as httpRequest} from 'node:http'
import type {IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse} from 'node:http'
import {pipeline} from 'node:stream'
import type {RouterCode} from './errors.ts'

export interface Forwarded {
  /** null when the whole response went through */
  code: RouterCode | null
  status: number
  connect: number | null
  service: number
  bytes: number
}

interface ForwardOptions {
  address: {host: string; port: number}
  requestId: string
  /** until the first byte of the response */
  timeoutMs: number
  now: () => Date
}

const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']

/** Sends a request on to a dyno and its response back. An error before the response leaves `response` untouched. */
export function forward(request: IncomingMessage, response: ServerResponse, {address, requestId, timeoutMs, now}: ForwardOptions): Promise<Forwarded> {
  const began = now().getTime()
  return new Promise(resolve => {
    let connect: number | null = null
    let bytes = 0
    let failure: RouterCode | null = null
    const settle = (code: RouterCode | null, status: number) => {
      clearTimeout(timer)
      resolve({code, status, connect, service: now().getTime() - began, bytes})
    }

    const upstream = httpRequest({
      ...address, method: request.method, path: request.url, headers: requestHeaders(request, requestId, began), agent: false,
    })
    const timer = setTimeout(() => {
      failure = 'H12'
      upstream.destroy()
    }, timeoutMs)
    upstream.once('socket', socket => socket.once('connect', () => {
      connect = now().getTime() - began
    }))
    upstream.once('error', () => {
      if (!response.headersSent) settle(failure ?? (connect === null ? 'H21' : 'H13'), 503)
    })
    upstream.once('response', answer => {
      clearTimeout(timer)
      response.writeHead(answer.statusCode ?? 502, responseHeaders(answer.headers))
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      pipeline(answer, response, error => settle(error ? failure ?? 'H18' : null, answer.statusCode ?? 502))
    })
    response.once('close', () => {
      if (response.writableFinished || failure) return
      failure = 'H27'
      upstream.destroy()
    })
    request.pipe(upstream)
  })
}

function requestHeaders({headers, socket}: IncomingMessage, requestId: string, began: number): OutgoingHttpHeaders {
  const chunked = headers['transfer-encoding'] !== undefined
  return {
    ...without(headers),
    ...(chunked && {'transfer-encoding': 'chunked'}),
    connection: 'close',
    'x-forwarded-for': [headers['x-forwarded-for'], socket.remoteAddress].flat().filter(Boolean).join(', '),
    'x-forwarded-port': String(socket.localPort),
    'x-forwarded-proto': 'http',
    'x-request-id': requestId,
    'x-request-start': String(began),
    via: [headers.via, '1.1 heroku-router'].filter(Boolean).join(', '),
  }
}

function responseHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return {...without(headers), via: [headers.via, '1.1 heroku-router'].filter(Boolean).join(', ')}
}

function without(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name)))
}
