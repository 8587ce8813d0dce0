import {createServer} from 'node:http'
import type {IncomingMessage, Server, ServerResponse} from 'node:http'
import {once} from 'node:events'
import type {RequestEffect} from '../../faults/faults.ts'
import {redactBody, redactPath} from '../../faults/journal.ts'
import type {JournalEntry} from '../../faults/journal.ts'
import {timestamp} from '../../state/apps.ts'
import type {Context} from '../context.ts'
import {checkAccept, checkToken} from './access.ts'
import {ApiError, errorOfStatus} from './errors.ts'
import {readJson, sendJson} from './json.ts'
import type {Answer, RawRoute, Route} from './route.ts'
import {findRoute} from './route.ts'

export interface ServerOptions {
  routes: readonly Route[]
  rawRoutes: readonly RawRoute[]
  /** the stand-in's own routes, behind the token, neither counted nor in the journal */
  controlRoutes: readonly Route[]
  token: string
  /** told of every route that is unknown and of every bug */
  complain: (message: string) => void
}

type ServerContext = Pick<Context, 'faults' | 'journal' | 'rateLimit' | 'source'>

/** The API's server: authentication, limits, faults and the journal around the routes. */
export function createApiServer(options: ServerOptions, context: ServerContext): Server {
  // Uploads of slugs and followed logs take as long as they take.
  return createServer({requestTimeout: 0}, (request, response) => {
    void serve(request, response, options, context)
  })
}

async function serve(request: IncomingMessage, response: ServerResponse, options: ServerOptions, context: ServerContext): Promise<void> {
  const url = new URL(`http://127.0.0.1${request.url ?? '/'}`)
  const requestId = [request.headers['request-id'], context.source.uuid()].flat().filter(Boolean).join(',')
  response.setHeader('Request-Id', requestId)
  if (url.pathname.startsWith('/standin/')) {
    await serveControl(url, request, response, options)
    return
  }

  const entry: JournalEntry = {
    at: timestamp(context.source.now()), method: request.method ?? '', path: redactPath(url.pathname), requestId,
    userAgent: request.headers['user-agent'] ?? null, body: null, status: null, outcome: 'broken',
  }
  context.journal.add(entry)
  response.once('finish', () => Object.assign(entry, {status: response.statusCode, outcome: 'answered'}))
  const raw = findRoute(options.rawRoutes, entry.method, url.pathname)
  try {
    const body = raw ? null : await readJson(request)
    if (!raw) entry.body = redactBody(url.pathname, body)
    const effect = context.faults.takeRequest(entry.method, url.pathname)
    if (!await passes(effect, entry, request, response)) return

    const answer = raw
      ? await raw.route.handle({params: raw.params, url, request, response})
      : await answerApi({url, body, request, response}, options, context)
    if (effect?.kind === 'reset') reset(request, entry)
    else if (answer) sendJson(answer, request, response)
  } catch (error) {
    fail(error, request, response, options)
  }
}

async function answerApi(
  {url, body, request, response}: {url: URL; body: unknown; request: IncomingMessage; response: ServerResponse},
  {routes, token, complain}: ServerOptions, {rateLimit}: ServerContext,
): Promise<Answer> {
  checkAccept(request.headers.accept)
  checkToken(request.headers.authorization, token)
  const counts = url.pathname !== '/account/rate-limits'
  const allowed = !counts || rateLimit.take()
  response.setHeader('RateLimit-Remaining', rateLimit.remaining)
  if (!allowed) throw errorOfStatus(429)

  const found = findRoute(routes, request.method ?? '', url.pathname)
  if (!found) {
    complain(`No such route: ${request.method ?? ''} ${url.pathname}`)
    throw new ApiError(404, 'not_found', 'The requested API endpoint was not found. Are you using the right HTTP verb (i.e. `GET` vs. `POST`), and did you specify your intended version with the `Accept` header?')
  }

  return found.route.handle({params: found.params, query: url.searchParams, body, headers: request.headers})
}

async function serveControl(url: URL, request: IncomingMessage, response: ServerResponse, options: ServerOptions): Promise<void> {
  try {
    const body = await readJson(request)
    checkToken(request.headers.authorization, options.token)
    const found = findRoute(options.controlRoutes, request.method ?? '', url.pathname)
    if (!found) throw new ApiError(404, 'not_found', `The stand-in has no control route ${request.method ?? ''} ${url.pathname}.`)
    sendJson(await found.route.handle({params: found.params, query: url.searchParams, body, headers: request.headers}), request, response)
  } catch (error) {
    fail(error, request, response, options)
  }
}

/** Whether the request may take effect. @throws ApiError for a fault that is a status */
async function passes(effect: RequestEffect | null, entry: JournalEntry, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
  switch (effect?.kind) {
    case undefined: return true
    case 'status': {
      if (effect.retryAfter !== null) response.setHeader('Retry-After', effect.retryAfter)
      const error = errorOfStatus(effect.status)
      throw new ApiError(effect.status, effect.id ?? error.id, effect.message ?? error.message, error.extra)
    }

    case 'reset': {
      if (effect.when === 'before') reset(request, entry)
      return effect.when === 'after'
    }

    case 'stall': return stall(effect.ms, entry, response)
  }
}

/** Holds the answer back; false when the client left first. */
async function stall(ms: number | null, entry: JournalEntry, response: ServerResponse): Promise<boolean> {
  entry.outcome = 'stalled'
  const left = once(response, 'close').then(() => false)
  if (ms === null) return left
  let timer
  const over = new Promise<boolean>(resolve => {
    timer = setTimeout(() => resolve(true), ms)
  })
  const goesOn = await Promise.race([left, over])
  clearTimeout(timer)
  return goesOn
}

function reset(request: IncomingMessage, entry: JournalEntry): void {
  entry.outcome = 'reset'
  request.socket.resetAndDestroy()
}

function fail(error: unknown, request: IncomingMessage, response: ServerResponse, {complain}: ServerOptions): void {
  const known = error instanceof ApiError ? error : errorOfStatus(500)
  if (known !== error && !request.destroyed && !response.destroyed) {
    complain(`${request.method ?? ''} ${redactPath((request.url ?? '').replace(/\?.*/, ''))} failed: ${error instanceof Error ? error.stack ?? error.message : String(error)}`)
  }

  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }

  // What is left of an upload that is refused is not worth reading.
  if (!request.complete) response.setHeader('Connection', 'close')
  sendJson({status: known.status, body: known.body()}, request, response)
}
