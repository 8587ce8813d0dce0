import {expect} from 'chai'
import diagnostics from 'node:diagnostics_channel'
import {once} from 'node:events'
import http from 'node:http'
import type {AddressInfo} from 'node:net'
import {Readable} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import {setImmediate} from 'node:timers/promises'
import {EXIT, NixError} from '../../../src/lib/errors.ts'
import {putSlug} from '../../../src/lib/redeploy/put-slug.ts'

const BYTES = Buffer.alloc(3_000_000, 'slug')
const slug = {size: BYTES.length, open: () => Readable.from([BYTES.subarray(0, 2_000_000), BYTES.subarray(2_000_000)])}

describe('the upload of a slug', () => {
  let server: http.Server
  let url: string
  let handle: (request: http.IncomingMessage, response: http.ServerResponse) => void
  beforeEach(async () => {
    server = http.createServer((request, response) => handle(request, response))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/slug?Signature=secret`
  })
  afterEach(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })

  const failure = () => putSlug(url, slug).then(() => null, (error: unknown) => error as NixError)

  it('is one request with its length, without a type, and not in chunks', async () => {
    const requests: unknown[] = []
    handle = (request, response) => {
      void buffer(request).then(body => {
        const {'content-length': length, 'content-type': type, 'transfer-encoding': encoding} = request.headers
        requests.push([request.method, length, type, encoding, body.equals(BYTES)])
        response.end()
      })
    }

    const progress: number[] = []
    await putSlug(url, slug, bytes => progress.push(bytes))
    expect(requests).to.deep.equal([['PUT', '3000000', undefined, undefined, true]])
    expect(progress).to.deep.equal([2_000_000, 3_000_000])
  })

  it('starts anew when the connection breaks', async () => {
    let count = 0
    handle = (request, response) => {
      count += 1
      if (count < 3) request.once('data', () => request.destroy())
      else void buffer(request).then(() => response.end())
    }

    expect(await failure()).to.equal(null)
    expect(count).to.equal(3)
  })

  it('gives up after three broken ones, without its URL', async () => {
    handle = request => request.once('data', () => request.destroy())
    const error = await failure()
    expect([error?.code, error?.exitCode]).to.deep.equal(['SLUG_UPLOAD_BROKEN', EXIT.unavailable])
    expect(error?.message).to.match(/^The upload of the slug broke 3 times: /).and.not.include('Signature')
  })

  it('is not repeated when the store refuses it, even before all was sent', async () => {
    let count = 0
    handle = (_request, response) => {
      count += 1
      response.writeHead(403, {connection: 'close'})
      response.end('<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>')
    }

    const error = await failure()
    expect([count, error?.code, error?.message]).to.deep.equal([1, 'SLUG_UPLOAD_REFUSED', "Heroku's slug store refused the upload: status 403, AccessDenied."])
  })

  it('is refused with the store\'s own word when the request breaks after the answer', async () => {
    handle = (_request, response) => {
      response.writeHead(403, {connection: 'close'})
      response.end('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>')
    }

    const answered = new Promise(resolve => diagnostics.subscribe('http.client.response.finish', resolve))
    async function* broken(): AsyncGenerator<Buffer> {
      yield BYTES
      await answered
      await setImmediate()
      throw new Error('EPIPE')
    }

    const error = await putSlug(url, {size: 2 * BYTES.length, open: () => Readable.from(broken())}).then(() => null, (reason: unknown) => reason as NixError)
    expect(error?.message).to.equal("Heroku's slug store refused the upload: status 403, AccessDenied.")
  })

  it('says what is wrong with a part of the slug, and leaves no slug', async () => {
    let whole = false
    handle = request => void buffer(request).then(() => {
      whole = true
    }, () => undefined)
    const broken = {...slug, open: () => Readable.from((function* () {
      yield BYTES.subarray(0, 1000)
      throw new NixError('Of the layer …', {code: 'BAD_SLUG_PART', exit: EXIT.verification})
    })())}
    const error = await putSlug(url, broken).then(() => null, (caught: unknown) => caught as NixError)
    expect([error?.code, whole]).to.deep.equal(['BAD_SLUG_PART', false])
  })
})
