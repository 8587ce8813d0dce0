import {once} from 'node:events'
import type {IncomingMessage, ServerResponse} from 'node:http'
import {parseCompression} from '../../lib/closure/compression.ts'
import type {NarInfo} from '../../lib/closure/narinfo.ts'
import {checkedNar, WrongNar} from './checked-nar.ts'
import type {CacheSource} from './source.ts'
import type {Spool} from './spool.ts'

export interface NarRequest {
  request: IncomingMessage
  response: ServerResponse
  hash: string
  info: NarInfo
  source: CacheSource
  spool: Spool | null
}

const TYPE = 'application/x-nix-nar'

/** Answers GET and HEAD of a NAR. A wrong one ends in a broken connection, or in 404 where nothing was sent yet. */
export async function serveNar(asked: NarRequest): Promise<void> {
  const {request, response, hash, info, source} = asked
  const range = parseRange(request.headers.range, info.fileSize)
  if (request.method === 'HEAD') {
    response.writeHead(200, {'content-type': TYPE, ...(info.fileSize === null ? {} : {'content-length': info.fileSize, 'accept-ranges': 'bytes'})}).end()
    return
  }

  const part = range && await source.open(info, range)
  if (range && part) {
    // Only the whole has a hash; Nix, which has the beginning already, checks that.
    response.writeHead(206, {'content-type': TYPE, 'content-length': range[1] - range[0] + 1, 'content-range': `bytes ${range[0]}-${range[1]}/${info.fileSize ?? '*'}`})
    await send(response, part.body as AsyncIterable<Buffer>)
    return
  }

  const whole = await source.open(info)
  if (!whole) {
    source.refuse(hash, `its NAR ${info.url} is not there`)
    response.writeHead(404).end()
    return
  }

  try {
    await send(response, teed(asked, whole.body as AsyncIterable<Buffer>), {'content-type': TYPE, ...(whole.size === null ? {} : {'content-length': whole.size})})
  } catch (error) {
    if (error instanceof WrongNar) source.refuse(hash, error.message)
    if (response.headersSent) response.destroy()
    else response.writeHead(404).end()
  } finally {
    whole.body.destroy()
  }
}

/** The checked NAR, a copy of which is kept where there is a spool. */
async function* teed({hash, info, source, spool}: NarRequest, body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  const copy = await spool?.start(hash)
  const pieces = checkedNar(body, info)
  let kept = false
  try {
    for (;;) {
      const next = await pieces.next()
      if (next.done) {
        source.served(hash)
        kept = true
        await copy?.finish({compression: parseCompression(info.compression), ...next.value})
        return
      }

      await copy?.write(next.value)
      yield next.value
    }
  } finally {
    if (!kept) await copy?.cancel()
    await pieces.return({fileHash: '', fileSize: 0})
  }
}

/** Writes no faster than it is taken. With `head`, the status line waits for the first piece. */
async function send(response: ServerResponse, pieces: AsyncIterable<Buffer>, head?: Record<string, number | string>): Promise<void> {
  let begun = head === undefined
  for await (const piece of pieces) {
    if (!begun) response.writeHead(200, head)
    begun = true
    if (response.destroyed) throw new Error('Nix does not listen any more')
    if (!response.write(piece)) await drained(response)
  }

  if (!begun) response.writeHead(200, head)
  response.end()
}

async function drained(response: ServerResponse): Promise<void> {
  // Each wait takes its listeners away again: there are thousands in a large NAR.
  const over = new AbortController()
  try {
    await Promise.race(['drain', 'close'].map(event => once(response, event, {signal: over.signal})))
  } finally {
    over.abort()
  }
}

/** `bytes=FIRST-LAST` or `bytes=FIRST-`; anything else is answered with the whole, as HTTP permits. */
function parseRange(header: string | undefined, size: number | null): [first: number, last: number] | null {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(header ?? '') ?? []
  if (first === undefined || size === null || Number(first) >= size) return null
  const end = last ? Math.min(Number(last), size - 1) : size - 1
  return Number(first) <= end ? [Number(first), end] : null
}
