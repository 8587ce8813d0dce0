import {
  CompleteMultipartUploadCommand, CreateBucketCommand, CreateMultipartUploadCommand, DeleteObjectCommand, DeleteObjectsCommand, GetBucketLocationCommand, GetObjectCommand,
  HeadBucketCommand, ListObjectsV2Command, ListPartsCommand, PutObjectCommand, UploadPartCommand,
} from '@aws-sdk/client-s3'
import type {S3Client} from '@aws-sdk/client-s3'
import {getSignedUrl} from '@aws-sdk/s3-request-presigner'
import {expect} from 'chai'
import {once} from 'node:events'
import {mkdtemp, readFile, readdir, rm, stat} from 'node:fs/promises'
import {connect} from 'node:net'
import {networkInterfaces, tmpdir} from 'node:os'
import {join} from 'node:path'
import {startBucket} from '../../../standin/bucket/bucket-server.ts'
import type {BucketOptions, BucketServer, S3Action} from '../../../standin/bucket/contract.ts'
import {openRequest, readAnswer, refusalOf, s3Client, send, sign} from '../../support/s3.ts'
import {serveBucket} from '../../support/served-bucket.ts'

const DENIED = {status: 403, code: 'AccessDenied'}
const Bucket = 'demo'

describe('the embedded bucket', () => {
  let dir: string
  let server: BucketServer
  let client: S3Client
  const options = (): BucketOptions => ({dir, port: 0, bucket: Bucket, region: 'eu-west-1'})
  const put = (Key: string, Body: string) => client.send(new PutObjectCommand({Bucket, Key, Body}))
  const text = async (Key: string) => (await client.send(new GetObjectCommand({Bucket, Key}))).Body?.transformToString()

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'heroku-nix-bucket-'))
    server = await startBucket(options())
    client = s3Client(server)
  })

  afterEach(async () => {
    client.destroy()
    await server.close()
    await rm(dir, {recursive: true})
  })

  const restart = async () => {
    await server.close()
    server = await startBucket(options())
    client = s3Client(server)
  }

  describe('with actions denied', () => {
    const requests: Record<Exclude<S3Action, 's3:AbortMultipartUpload' | 's3:ListBucketMultipartUploads'>, () => Promise<unknown>> = {
      's3:CreateBucket': () => client.send(new CreateBucketCommand({Bucket: 'another'})),
      's3:DeleteObject': () => client.send(new DeleteObjectCommand({Bucket, Key: 'there'})),
      's3:GetBucketLocation': () => client.send(new GetBucketLocationCommand({Bucket})),
      's3:GetObject': () => client.send(new GetObjectCommand({Bucket, Key: 'there'})),
      's3:ListBucket': () => client.send(new ListObjectsV2Command({Bucket})),
      's3:ListMultipartUploadParts': () => client.send(new ListPartsCommand({Bucket, Key: 'there', UploadId: 'x'})),
      's3:PutObject': () => client.send(new PutObjectCommand({Bucket, Key: 'there', Body: 'x'})),
    }
    for (const [action, request] of Object.entries(requests)) {
      it(`refuses what takes ${action}, and names it`, async () => {
        await put('there', 'x')
        server.deny([action as S3Action])
        const error: unknown = await request().catch((reason: unknown) => reason)
        expect((error as Error).message).to.match(new RegExp(`^User: \\S+ is not authorized to perform: ${action} on resource: "arn:aws:s3:::`))
        expect(error).to.deep.include({name: 'AccessDenied'})
        expect(await refusalOf(request())).to.deep.equal(DENIED)
        server.deny([])
        await put('there', 'y')
      })
    }

    it('does not tell whoever may not list that a key is missing', async () => {
      server.deny(['s3:ListBucket'])
      expect(await refusalOf(text('missing'))).to.deep.equal(DENIED)
      expect((await refusalOf(client.send(new HeadBucketCommand({Bucket})))).status).to.equal(403)
      await put('there', 'x')
      expect(await text('there')).to.equal('x')
    })

    it('wants to read, too, for a write under If-Match', async () => {
      const {ETag} = await put('there', 'x')
      server.deny(['s3:GetObject'])
      expect(await refusalOf(client.send(new PutObjectCommand({Bucket, Key: 'there', Body: 'y', IfMatch: ETag})))).to.deep.equal(DENIED)
    })
  })

  it('has objects, open uploads and credentials as they were after a restart', async () => {
    const {key, secret} = server
    await put('odd\n//../name', 'kept')
    const {UploadId} = await client.send(new CreateMultipartUploadCommand({Bucket, Key: 'parts', ContentType: 'text/plain'}))
    const {ETag} = await client.send(new UploadPartCommand({Bucket, Key: 'parts', UploadId, PartNumber: 1, Body: 'part'}))
    await restart()

    expect({key: server.key, secret: server.secret}).to.deep.equal({key, secret})
    expect(await text('odd\n//../name')).to.equal('kept')
    await client.send(new CompleteMultipartUploadCommand({Bucket, Key: 'parts', UploadId, MultipartUpload: {Parts: [{PartNumber: 1, ETag}]}}))
    await restart()
    expect(await text('parts')).to.equal('part')
    expect((await client.send(new ListObjectsV2Command({Bucket}))).Contents?.map(object => object.Key)).to.deep.equal(['odd\n//../name', 'parts'])
  })

  it('makes up credentials, new ones for each folder, for their owner\'s eyes only', async () => {
    const other = await startBucket({...options(), dir: join(dir, 'other')})
    await other.close()
    expect([other.key, other.secret]).to.not.include.members([server.key]).and.not.include(server.secret)
    expect((await stat(join(dir, 'credentials.json'))).mode & 0o777).to.equal(0o600)
    const given = await startBucket({...options(), credentials: {key: 'AKIAGIVEN', secret: 'given'}})
    await given.close()
    expect(given.key).to.equal('AKIAGIVEN')
  })

  it('keeps no bytes of objects that were replaced, deleted, refused or aborted', async () => {
    const blobs = () => readdir(join(dir, 'buckets', Bucket, 'blobs'))
    await put('a', 'one')
    await put('a', 'two')
    await put('b', 'x')
    await client.send(new DeleteObjectCommand({Bucket, Key: 'b'}))
    await refusalOf(client.send(new PutObjectCommand({Bucket, Key: 'c', Body: 'x', ContentMD5: '1B2M2Y8AsgTpgAmY7PhCfg=='})))
    const racing = Array.from({length: 8}, () => client.send(new PutObjectCommand({Bucket, Key: 'd', Body: 'x', IfNoneMatch: '*'})).catch(() => null))
    await Promise.all(racing)
    expect(await blobs()).to.have.length(2)
  })

  it('gives a slow reader all parts of what was there when it began, and drops them then', async () => {
    const part = Buffer.alloc(8 * 1024 * 1024, 'o')
    const {UploadId} = await client.send(new CreateMultipartUploadCommand({Bucket, Key: 'slow'}))
    const Parts = []
    for (const PartNumber of [1, 2]) {
      const {ETag} = await client.send(new UploadPartCommand({Bucket, Key: 'slow', UploadId, PartNumber, Body: part}))
      Parts.push({PartNumber, ETag})
    }

    await client.send(new CompleteMultipartUploadCommand({Bucket, Key: 'slow', UploadId, MultipartUpload: {Parts}}))
    const {Body} = await client.send(new GetObjectCommand({Bucket, Key: 'slow'}))
    await put('slow', 'new')
    expect(Buffer.concat([part, part]).equals(await Body?.transformToByteArray() ?? Buffer.alloc(0))).to.equal(true)
    expect(await text('slow')).to.equal('new')
    // Nothing tells the client when; the test's timeout is the limit.
    for (let left = 3; left > 1;) {
      left = (await readdir(join(dir, 'buckets', Bucket, 'blobs'))).length
    }
  })

  it('drops what a killed server had half received', async () => {
    const where = join(dir, 'killed')
    const blobs = () => readdir(join(where, 'buckets', Bucket, 'blobs'))
    const first = await serveBucket({...options(), dir: where})
    const signed = await sign(first, {method: 'PUT', path: `/${Bucket}/half`, headers: {'content-length': String(32 * 1024 * 1024)}})
    const request = openRequest(first, signed)
    request.on('error', () => undefined)
    await new Promise(resolve => request.write(Buffer.alloc(24 * 1024 * 1024), resolve))
    await first.kill()
    expect(await blobs()).to.have.length(1)

    const second = await startBucket({...options(), dir: where})
    await second.close()
    expect(await blobs()).to.deep.equal([])
  })

  it('listens on 127.0.0.1 alone', async () => {
    const port = Number(new URL(server.endpoint).port)
    const others = Object.values(networkInterfaces()).flatMap(addresses => addresses ?? []).filter(address => address.address !== '127.0.0.1' && !address.address.startsWith('fe80'))
    for (const {address} of others) {
      const socket = connect(port, address)
      const [error] = await Promise.race([once(socket, 'error'), once(socket, 'connect').then(() => [null])]) as [NodeJS.ErrnoException | null]
      socket.destroy()
      expect(error?.code, address).to.equal('ECONNREFUSED')
    }
  })

  it('says what is wrong when its port is taken, or its bucket has no S3 name', async () => {
    const port = Number(new URL(server.endpoint).port)
    const taken: unknown = await startBucket({...options(), port}).catch((error: unknown) => error)
    expect((taken as Error).message).to.match(/^The bucket cannot listen on 127\.0\.0\.1:\d+: listen EADDRINUSE/)
    for (const bucket of ['Upper', 'a', '../up', '127.0.0.1', 'two..dots', '-dash']) {
      const refused: unknown = await startBucket({...options(), bucket}).catch((error: unknown) => error)
      expect((refused as Error).message).to.equal(`${JSON.stringify(bucket)} is not a name that S3 allows for a bucket.`)
    }
  })

  it('goes by the clock that it was given', async () => {
    const late = await startBucket({...options(), dir: join(dir, 'late'), clock: () => new Date(Date.now() + 20 * 60_000)})
    expect(await refusalOf(s3Client(late).send(new HeadBucketCommand({Bucket}))).then(({status}) => status)).to.equal(403)
    await late.close()
  })

  it('makes buckets of its own region only', async () => {
    await client.send(new CreateBucketCommand({Bucket: 'second'}))
    expect(await refusalOf(client.send(new CreateBucketCommand({Bucket: 'second'})))).to.deep.equal({status: 409, code: 'BucketAlreadyOwnedByYou'})
    expect(await refusalOf(client.send(new CreateBucketCommand({Bucket: 'third', CreateBucketConfiguration: {LocationConstraint: 'us-west-2'}})))).to.deep.equal({
      status: 400, code: 'IllegalLocationConstraintException',
    })
    expect(await refusalOf(client.send(new CreateBucketCommand({Bucket: '127.0.0.1'})))).to.deep.equal({status: 400, code: 'InvalidBucketName'})
  })

  it('refuses a checksum that a presigned URL brings and the body does not have', async () => {
    // What the SDK's presigner does by default: it signs the CRC32 of the body that is not there yet.
    const url = await getSignedUrl(client, new PutObjectCommand({Bucket, Key: 'presigned'}))
    const answer = await fetch(url, {method: 'PUT', body: 'not empty'})
    expect([answer.status, await answer.text()]).to.satisfy(([status, body]: [number, string]) => status === 400 && body.includes('<Code>BadDigest</Code>'))
  })

  it('refuses a trailing checksum that is wrong, missing or not the one announced', async () => {
    for (const [trailer, code] of [
      ['x-amz-checksum-crc32:AAAAAA==\r\n', 'BadDigest'],
      ['', 'InvalidRequest'],
      ['x-amz-checksum-sha1:AAAAAA==\r\n', 'InvalidRequest'],
    ] as const) {
      const signed = await sign(server, {method: 'PUT', path: `/${Bucket}/trailer`, headers: {
        'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'x-amz-trailer': 'x-amz-checksum-crc32', 'x-amz-decoded-content-length': '5',
      }})
      const answer = await send(server, {...signed, body: `5\r\nhello\r\n0\r\n${trailer}\r\n`})
      expect([answer.status, answer.code], trailer).to.deep.equal([400, code])
    }

    expect(await refusalOf(text('trailer'))).to.deep.equal({status: 404, code: 'NoSuchKey'})
  })

  it('says no before a body is sent to a client that asks first', async () => {
    await put('taken', 'x')
    const signed = await sign(server, {method: 'PUT', path: `/${Bucket}/taken`, headers: {'if-none-match': '*', 'content-length': '1000000', expect: '100-continue'}})
    const request = openRequest(server, signed)
    let continued = false
    request.on('continue', () => {
      continued = true
    })
    request.flushHeaders()
    const {status, code} = await readAnswer(request)
    request.destroy()
    expect({status, code, continued}).to.deep.equal({status: 412, code: 'PreconditionFailed', continued: false})
  })

  it('wants a checksum with a list of deletions', async () => {
    const body = '<Delete><Object><Key>a</Key></Object></Delete>'
    const answer = await send(server, {...await sign(server, {method: 'POST', path: `/${Bucket}`, query: {delete: ''}}), body})
    expect([answer.status, answer.code]).to.deep.equal([400, 'InvalidRequest'])
  })

  for (const body of ['', 'no xml', '<Delete>', '<Delete/>', '<Other><Object><Key>a</Key></Object></Other>', '<!DOCTYPE x [<!ENTITY e "a">]><Delete><Object><Key>&e;</Key></Object></Delete>', '<Delete><Object><Key>a</Key><VersionId>1</VersionId></Object></Delete>']) {
    it(`refuses to delete by ${JSON.stringify(body)}`, async () => {
      const md5 = (await import('node:crypto')).createHash('md5').update(body).digest('base64')
      const answer = await send(server, {...await sign(server, {method: 'POST', path: `/${Bucket}`, query: {delete: ''}, headers: {'content-md5': md5}}), body})
      expect([answer.status, answer.code]).to.deep.equal([400, 'MalformedXML'])
    })
  }

  it('refuses what it would otherwise leave out', async () => {
    const refused = {status: 501, code: 'NotImplemented'}
    const verdict = async (method: string, path: string, query: Record<string, string>, headers: Record<string, string> = {}) => {
      const {status, code} = await send(server, await sign(server, {method, path, query, headers}))
      return {status, code}
    }

    expect(await verdict('GET', `/${Bucket}`, {versioning: ''})).to.deep.equal(refused)
    expect(await verdict('PUT', `/${Bucket}/a`, {tagging: ''})).to.deep.equal(refused)
    expect(await verdict('PUT', `/${Bucket}/a`, {}, {'x-amz-copy-source': `/${Bucket}/b`})).to.deep.equal(refused)
    expect(await verdict('PUT', `/${Bucket}/a`, {}, {'x-amz-server-side-encryption': 'AES256'})).to.deep.equal(refused)
    expect(await verdict('PUT', `/${Bucket}/a`, {}, {'x-amz-checksum-crc64nvme': 'AAAAAAAAAAA='})).to.deep.equal(refused)
    expect(await verdict('GET', '/', {})).to.deep.equal(refused)
  })

  it('has no secret in an error', async () => {
    const answer = await send(server, await sign({...server, secret: 'wrong'}, {method: 'GET', path: `/${Bucket}/a`}))
    expect(answer.code).to.equal('SignatureDoesNotMatch')
    expect(answer.body.toString()).to.not.include(server.secret)
    expect(await readFile(join(dir, 'credentials.json'), 'utf8')).to.include(JSON.stringify(server.secret))
  })

  it('deletes many in one request, quietly or not', async () => {
    await put('a', '1')
    const {Deleted, Errors} = await client.send(new DeleteObjectsCommand({Bucket, Delete: {Objects: [{Key: 'a'}, {Key: 'missing'}]}}))
    expect([Deleted, Errors]).to.deep.equal([[{Key: 'a'}, {Key: 'missing'}], undefined])
  })
})
