import {Readable} from 'node:stream'
import {buffer} from 'node:stream/consumers'

/** An HTTP cache that does not answer as one should. */
export class UpstreamDown extends Error {}

/** One object is not what it should be, which says nothing about the others. */
export class UpstreamOdd extends Error {}

export interface UpstreamClient {
  /** A small object as text; null where there is none. @throws UpstreamDown, UpstreamOdd */
  text(path: string, maxBytes: number): Promise<string | null>
  /** @throws UpstreamDown */
  stream(path: string): Promise<{body: Readable; size: number | null} | null>
}

export interface ClientOptions {
  wait: (ms: number) => Promise<void>
  /** milliseconds before each further try of what may pass by itself */
  waits?: readonly number[]
  answerMs?: number
  idleMs?: number
}

/** Nothing is gained by asking again soon. */
const LASTING = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND']

/** Asks a binary cache over HTTP. A name and password in its URL go into a header, not into a request's line. */
export function upstreamClient(url: string, {wait, waits = [500, 2000, 5000], answerMs = 10_000, idleMs = 60_000}: ClientOptions): UpstreamClient {
  const base = new URL(url.endsWith('/') ? url : `${url}/`)
  const headers: Record<string, string> = {'accept-encoding': 'identity'}
  const secret: Record<string, string> = {}
  if (base.username !== '') {
    secret['authorization'] = `Basic ${Buffer.from(`${decodeURIComponent(base.username)}:${decodeURIComponent(base.password)}`).toString('base64')}`
    base.username = ''
    base.password = ''
  }

  async function get(path: string): Promise<{response: Response; abort: AbortController} | null> {
    for (let attempt = 0; ; attempt += 1) {
      const answer = await once(path)
      if (answer === null || answer instanceof Response) return answer && {response: answer, abort: aborts.get(answer) ?? new AbortController()}
      const pause = waits[attempt]
      if (answer.lasting || pause === undefined) throw new UpstreamDown(answer.reason)
      await wait(pause)
    }
  }

  const aborts = new WeakMap<Response, AbortController>()

  async function once(path: string): Promise<Response | {reason: string; lasting: boolean} | null> {
    const abort = new AbortController()
    const timer = setTimeout(() => abort.abort(new Error(`no answer within ${answerMs / 1000} s`)), answerMs)
    try {
      const target = new URL(path, base)
      // A narinfo's URL is not part of what is signed and may lead to another host, which must not get the password.
      const response = await fetch(target, {headers: {...headers, ...(target.origin === base.origin && secret)}, signal: abort.signal})
      aborts.set(response, abort)
      if (response.ok) return response
      await response.body?.cancel()
      // A bucket that nobody may list says 403 for what it does not have.
      if ([401, 403, 404, 410].includes(response.status)) return null
      return {reason: `it answers with status ${response.status}`, lasting: response.status < 500 && response.status !== 429}
    } catch (error) {
      const {code, reason} = explain(error)
      return {reason, lasting: LASTING.includes(code)}
    } finally {
      clearTimeout(timer)
    }
  }

  async function stream(path: string): Promise<{body: Readable; size: number | null} | null> {
    const answer = await get(path)
    if (!answer?.response.body) return null
    const {response, abort} = answer
    // What was decoded on the way has another length; it was not asked for.
    const length = response.headers.has('content-encoding') ? null : response.headers.get('content-length')
    return {body: Readable.from(whileMoving(response.body as AsyncIterable<Uint8Array>, abort), {objectMode: false}), size: length === null ? null : Number(length)}
  }

  /** Ends a transfer in which nothing moves. */
  async function* whileMoving(body: AsyncIterable<Uint8Array>, abort: AbortController): AsyncGenerator<Buffer, void> {
    const stalled = () => abort.abort(new Error(`nothing came for ${idleMs / 1000} s`))
    let timer = setTimeout(stalled, idleMs)
    try {
      for await (const piece of body) {
        clearTimeout(timer)
        yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
        timer = setTimeout(stalled, idleMs)
      }
    } catch (error) {
      throw new UpstreamDown(explain(error).reason)
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    stream,
    async text(path, maxBytes) {
      const answer = await stream(path)
      if (!answer) return null
      return (await buffer(limited(answer.body, maxBytes))).toString()
    },
  }
}

async function* limited(body: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer, void> {
  let size = 0
  for await (const piece of body) {
    size += piece.length
    if (size > maxBytes) throw new UpstreamOdd(`it has more than ${maxBytes} bytes`)
    yield piece
  }
}

function explain(error: unknown): {code: string; reason: string} {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = (cause as {code?: unknown} | null)?.code
  const first = cause instanceof AggregateError ? cause.errors[0] as {code?: unknown} | undefined : undefined
  const name = [code, first?.code].find(value => typeof value === 'string') ?? ''
  return {code: name, reason: name === '' ? cause instanceof Error ? cause.message : String(cause) : name}
}
