import {request as sendRequest} from 'node:http'
import type {IncomingMessage, ServerResponse} from 'node:http'
import {Transform} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import type {FaultEffect} from './contract.ts'

export interface Forwarding {
  request: IncomingMessage
  response: ServerResponse
  target: URL
  effect: FaultEffect | null
}

/** Sends a request on and its answer back, headers and body as they came. Rejects when either side breaks, or is to break. */
export async function forward({request, response, target, effect}: Forwarding): Promise<void> {
  const upstream = sendRequest({
    host: target.hostname,
    port: target.port,
    method: request.method,
    path: request.url,
    headers: request.rawHeaders,
    setHost: false,
    // A connection kept from an earlier request may be closing just now, which would be a fault that nobody asked for.
    agent: false,
  })
  upstream.on('continue', () => response.writeContinue())
  response.once('close', () => upstream.destroy())

  const {promise: answered, resolve, reject} = Promise.withResolvers<IncomingMessage>()
  upstream.once('response', resolve)
  upstream.once('error', reject)
  const sent = pipeline(request, cut(effect?.kind === 'reset-request' ? effect.afterBytes : Infinity), upstream)
  // An answer may come before the whole request was read, and then counts; a request that breaks off never gets one.
  sent.catch(reject)

  const answer = await answered
  if (effect?.kind === 'lose-response') {
    await sent
    answer.resume()
    throw new Error('The answer is to be lost.')
  }

  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders)
  await pipeline(answer, cut(effect?.kind === 'reset-response' ? effect.afterBytes : Infinity), response)
}

/** Passes so many bytes on, then breaks. */
function cut(afterBytes: number): Transform {
  let left = afterBytes
  return new Transform({
    transform(bytes: Buffer, _encoding, done) {
      if (bytes.length < left) {
        left -= bytes.length
        done(null, bytes)
      } else {
        this.push(bytes.subarray(0, left))
        // What was pushed gets its turn to be written first.
        setImmediate(() => done(new Error(`The connection is to break after ${afterBytes} bytes.`)))
      }
    },
  })
}
