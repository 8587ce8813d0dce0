import {expect} from 'chai'
import {request} from 'node:http'
import {text} from 'node:stream/consumers'
import type {Harness} from './harness.ts'
import {expectStatus, makeSlug, startHarness, upload} from './harness.ts'

describe('slugs', () => {
  let heroku: Harness
  let app: string
  let bytes: Buffer

  before(async () => {
    heroku = await startHarness()
    app = await heroku.createApp()
    bytes = await makeSlug({'app/hello': 'hello\n'})
  })
  after(() => heroku[Symbol.asyncDispose]())

  const create = async (more = {}) =>
    (await expectStatus(201, heroku.api<{id: string; blob: {method: string; url: string}}>('POST', `/apps/${app}/slugs`, {process_types: {web: 'x'}, ...more}))).body

  /** A PUT with exactly these headers, which fetch would not let us send. */
  const put = (url: string, headers: Record<string, string | number>, body = bytes) => new Promise<{status: number; body: string}>((resolve, reject) => {
    const sent = request(url, {method: 'PUT', headers}, response => {
      void text(response).then(answer => resolve({status: response.statusCode ?? 0, body: answer}))
    })
    sent.once('error', reject)
    if (headers['Content-Length'] === undefined && headers['Transfer-Encoding'] === undefined) sent.useChunkedEncodingByDefault = false
    sent.end(headers['Content-Length'] === undefined && headers['Transfer-Encoding'] === undefined ? undefined : body)
  })

  it('are uploaded by a signed PUT and come back by a signed GET as they were', async () => {
    const {id, blob} = await create()
    expect(blob.method).to.equal('put')
    expect((await put(blob.url, {'Content-Length': bytes.length})).status).to.equal(200)

    const {body} = await expectStatus(200, heroku.api<{size: number; blob: {method: string; url: string}}>('GET', `/apps/${app}/slugs/${id}`))
    expect({size: body.size, method: body.blob.method}).to.deep.equal({size: bytes.length, method: 'get'})
    expect(Buffer.from(await (await fetch(body.blob.url)).arrayBuffer()).equals(bytes)).to.equal(true)
  })

  for (const [what, headers, status, code] of [
    ['without Content-Length', {}, 411, 'MissingContentLength'],
    ['in chunks', {'Transfer-Encoding': 'chunked'}, 501, 'NotImplemented'],
    ['with a Content-Type, which is not what was signed', {'Content-Length': 3, 'Content-Type': 'application/gzip'}, 403, 'SignatureDoesNotMatch'],
    ['with the API\'s token, which S3 takes for a second signature', {'Content-Length': 3, Authorization: 'Bearer x'}, 400, 'InvalidArgument'],
  ] as const) {
    it(`cannot be put ${what}`, async () => {
      const {id, blob} = await create()
      expect(await put(blob.url, headers, bytes.subarray(0, 3))).to.deep.equal({status, body: JSON.stringify({Code: code})})
      expect((await heroku.api('GET', `/apps/${app}/slugs/${id}`)).body['size']).to.equal(null)
    })
  }

  it('cannot be put with another signature, or by the URL that gets', async () => {
    const {id, blob} = await create()
    expect((await upload(blob.url.replace(/Signature=..../, 'Signature=0000'), bytes)).status).to.equal(403)
    expect((await upload(blob.url.replace(/Expires=\d/, 'Expires=9'), bytes)).status).to.equal(403)
    const {body} = await heroku.api<{blob: {url: string}}>('GET', `/apps/${app}/slugs/${id}`)
    expect((await upload(body.blob.url, bytes)).status).to.equal(403)
  })

  it('cannot be put after an hour', async () => {
    const {blob} = await create()
    heroku.advance(3_599_000)
    expect((await upload(blob.url, bytes)).status).to.equal(200)
    heroku.advance(2_000)
    expect((await upload(blob.url, bytes)).status).to.equal(403)
  })

  it('are not half there when an upload breaks off', async () => {
    const {id, blob} = await create()
    await new Promise<void>(resolve => {
      const sent = request(blob.url, {method: 'PUT', headers: {'Content-Length': bytes.length * 10}})
      sent.once('error', () => resolve())
      sent.write(bytes, () => sent.destroy(new Error('broken off')))
    })
    const {body} = await heroku.api('POST', `/apps/${app}/releases`, {slug: id})
    expect(body['message']).to.equal('Slug blob has not been uploaded.')
  })

  it('cannot be released before the upload, when they are not gzip, or unlike their checksum', async () => {
    const plain = await create()
    await upload(plain.blob.url, Buffer.from('no gzip'))
    const other = await create({checksum: `SHA256:${'0'.repeat(64)}`})
    await upload(other.blob.url, bytes)
    const messages = []
    for (const {id} of [await create(), plain, other]) {
      const {status, body} = await heroku.api('POST', `/apps/${app}/releases`, {slug: id})
      messages.push(`${status} ${String(body['message'])}`)
    }

    expect(messages).to.deep.equal([
      '422 Slug blob has not been uploaded.', '422 The slug is not gzip.',
      `422 Slug blob does not match its checksum SHA256:${'0'.repeat(64)}.`,
    ])
  })

  it('of another app are not found', async () => {
    const {id} = await create()
    const other = await heroku.createApp()
    expect((await heroku.api('GET', `/apps/${other}/slugs/${id}`)).body['resource']).to.equal('slug')
    expect((await heroku.api('POST', `/apps/${other}/releases`, {slug: id})).status).to.equal(404)
  })
})
