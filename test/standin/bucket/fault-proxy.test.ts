import {DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand} from '@aws-sdk/client-s3'
import {expect} from 'chai'
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {startBucket} from '../../../standin/bucket/bucket-server.ts'
import type {BucketServer, FaultProxy} from '../../../standin/bucket/contract.ts'
import {startFaultProxy} from '../../../standin/bucket/fault-proxy.ts'
import {useCeph} from '../../support/ceph.ts'
import {refusalOf, s3Client} from '../../support/s3.ts'
import type {BucketAccess} from '../../support/s3.ts'

const MIB = 1024 * 1024

function describeProxy(access: () => BucketAccess): void {
  let proxy: FaultProxy
  before(async () => {
    proxy = await startFaultProxy({target: access().endpoint})
  })
  afterEach(() => proxy.clear())
  after(() => proxy.close())

  const client = () => s3Client({...access(), endpoint: proxy.endpoint}, {requestChecksumCalculation: 'WHEN_REQUIRED'})
  const direct = () => s3Client(access())
  const put = (Key: string, Body: Buffer | string) => client().send(new PutObjectCommand({Bucket: access().bucket, Key, Body}))
  const get = (from: ReturnType<typeof client>, Key: string) => from.send(new GetObjectCommand({Bucket: access().bucket, Key})).then(({Body}) => Body?.transformToString())
  const failure = (promise: Promise<unknown>) => promise.then(() => 'none', (error: unknown) => (error as NodeJS.ErrnoException).code ?? (error as Error).name)

  it('lets signed requests pass unchanged', async () => {
    const body = Buffer.alloc(3 * MIB, 'x')
    await put('odd +=@\'name', body)
    expect(await get(client(), 'odd +=@\'name')).to.equal(body.toString())
    const {Contents} = await client().send(new ListObjectsV2Command({Bucket: access().bucket, Prefix: 'odd +'}))
    expect(Contents?.map(object => object.Key)).to.deep.equal(['odd +=@\'name'])
    expect(await refusalOf(s3Client({...access(), endpoint: proxy.endpoint, secret: 'wrong'}).send(new ListObjectsV2Command({Bucket: access().bucket})))).to.deep.equal({status: 403, code: 'SignatureDoesNotMatch'})
  })

  it('answers so many requests that match with a status, and no others', async () => {
    await put('status', 'x')
    proxy.inject({method: 'GET', path: /\/status\?/, times: 2, effect: {kind: 'status', status: 503, headers: {'retry-after': '1'}, body: '<Error><Code>SlowDown</Code></Error>'}})
    await put('status', 'y')
    expect(await refusalOf(get(client(), 'status'))).to.deep.equal({status: 503, code: 'SlowDown'})
    expect(await refusalOf(get(client(), 'status'))).to.deep.equal({status: 503, code: 'SlowDown'})
    expect(await get(client(), 'status')).to.equal('y')
  })

  it('breaks an upload off in its middle, and the object stays as it was', async () => {
    await put('upload', 'old')
    proxy.inject({method: 'PUT', effect: {kind: 'reset-request', afterBytes: MIB}})
    expect(await failure(put('upload', Buffer.alloc(8 * MIB)))).to.be.oneOf(['ECONNRESET', 'EPIPE'])
    expect(await get(direct(), 'upload')).to.equal('old')
    await put('upload', 'new')
    expect(await get(direct(), 'upload')).to.equal('new')
  })

  it('breaks a download off in its middle', async () => {
    await put('download', Buffer.alloc(4 * MIB, 'x'))
    proxy.inject({method: 'GET', effect: {kind: 'reset-response', afterBytes: MIB}})
    const {Body} = await client().send(new GetObjectCommand({Bucket: access().bucket, Key: 'download'}))
    let received = 0
    const error: unknown = await (async () => {
      for await (const bytes of Body as AsyncIterable<Buffer>) {
        received += bytes.length
      }
    })().catch((reason: unknown) => reason)
    expect((error as NodeJS.ErrnoException).code).to.be.oneOf(['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE'])
    expect(received).to.be.within(1, MIB)
  })

  it('loses the answer to what was done', async () => {
    proxy.inject({method: 'PUT', effect: {kind: 'lose-response'}})
    expect(await failure(put('lost', 'done'))).to.equal('ECONNRESET')
    expect(await get(direct(), 'lost')).to.equal('done')
  })

  it('stalls until it is cleared', async () => {
    await put('stalled', 'x')
    proxy.inject({method: 'DELETE', effect: {kind: 'stall'}})
    const deleting = client().send(new DeleteObjectCommand({Bucket: access().bucket, Key: 'stalled'}))
    expect(await get(client(), 'stalled')).to.equal('x')
    await proxy.clear()
    await deleting
    expect(await refusalOf(get(direct(), 'stalled'))).to.deep.equal({status: 404, code: 'NoSuchKey'})
  })

  it('never sends on what was stalled when it went down', async () => {
    await put('given-up', 'x')
    proxy.inject({method: 'DELETE', effect: {kind: 'stall'}})
    const deleting = failure(client().send(new DeleteObjectCommand({Bucket: access().bucket, Key: 'given-up'})))
    await get(client(), 'given-up')
    await proxy.setDown(true)
    expect(await deleting).to.be.oneOf(['ECONNRESET', 'ECONNREFUSED'])
    await proxy.clear()
    expect(await get(client(), 'given-up')).to.equal('x')
  })

  it('is down and up again at the same address', async () => {
    await put('down', 'x')
    await proxy.setDown(true)
    expect(await failure(get(client(), 'down'))).to.equal('ECONNREFUSED')
    await proxy.setDown(false)
    expect(await get(client(), 'down')).to.equal('x')
  })
}

describe('the fault proxy before the embedded bucket', () => {
  let dir: string
  let server: BucketServer
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'heroku-nix-bucket-'))
    server = await startBucket({dir, port: 0, bucket: 'demo', region: 'eu-west-1'})
  })
  after(async () => {
    await server.close()
    await rm(dir, {recursive: true})
  })
  describeProxy(() => server)

  it('passes the server\'s end on as a broken connection', async () => {
    const short = await startFaultProxy({target: 'http://127.0.0.1:1'})
    const error: unknown = await fetch(short.endpoint).catch((reason: unknown) => reason)
    await short.close()
    expect(((error as Error).cause as NodeJS.ErrnoException).code).to.be.oneOf(['ECONNRESET', 'UND_ERR_SOCKET'])
  })
})

describe('the fault proxy before Ceph', () => {
  describeProxy(useCeph())
})
