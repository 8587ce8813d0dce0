import {CopyObjectCommand, DeleteObjectCommand, GetBucketLocationCommand, GetObjectCommand, HeadBucketCommand, HeadObjectCommand, PutObjectCommand} from '@aws-sdk/client-s3'
import {expect} from 'chai'
import {refusalOf, send, sign} from '../../../support/s3.ts'
import {freshKey, itLikeAws, useClient} from './subject.ts'
import type {Subject} from './subject.ts'

const ODD_KEYS = [
  'plus+equals=at@quote\'', 'with space', ' leading and trailing ', 'ünïcödé/日本語/🦊', 'a//b', '/leading-slash', 'a/../b', './c', 'd/.', 'e/..',
  'new\nline', 'tab\tand%percent', 'amp&lt<gt>"quote"', 'q?uery#hash', 'back\\slash', 'trailing/', `long/${'x'.repeat(1019)}`, `${'n'.repeat(300)}/name`, '~!*()',
]

export function describeObjects(subject: Subject): void {
  describe('objects', () => {
    const client = useClient(subject)
    const put = (key: string, body: Buffer | string) => client().send(new PutObjectCommand({Bucket: subject.access().bucket, Key: key, Body: body}))
    const get = (key: string, more = {}) => client().send(new GetObjectCommand({Bucket: subject.access().bucket, Key: key, ...more}))
    const text = async (key: string, more = {}) => (await get(key, more)).Body?.transformToString()

    it('gives back bytes, type and metadata', async () => {
      const Bucket = subject.access().bucket
      const Key = freshKey()
      const {ETag} = await client().send(new PutObjectCommand({
        Bucket, Key, Body: 'hello', ContentType: 'text/x-nix-narinfo', ContentEncoding: 'zstd', CacheControl: 'max-age=1', Metadata: {colour: 'red'},
      }))
      const answer = await get(Key)
      expect(ETag).to.equal('"5d41402abc4b2a76b9719d911017c592"')
      expect(await answer.Body?.transformToString()).to.equal('hello')
      expect(answer).to.deep.include({
        ETag, ContentLength: 5, ContentType: 'text/x-nix-narinfo', ContentEncoding: 'zstd', CacheControl: 'max-age=1', Metadata: {colour: 'red'}, AcceptRanges: 'bytes',
      })
      const {ContentLength, Metadata} = await client().send(new HeadObjectCommand({Bucket, Key}))
      expect({ContentLength, Metadata}).to.deep.equal({ContentLength: 5, Metadata: {colour: 'red'}})
    })

    it('keeps an object without a byte', async () => {
      const key = freshKey()
      await put(key, Buffer.alloc(0))
      expect(await text(key)).to.equal('')
    })

    it('replaces, and deletes what is there or not', async () => {
      const Bucket = subject.access().bucket
      const Key = freshKey()
      await put(Key, 'one')
      await put(Key, 'two')
      expect(await text(Key)).to.equal('two')
      await client().send(new DeleteObjectCommand({Bucket, Key}))
      await client().send(new DeleteObjectCommand({Bucket, Key}))
      expect(await refusalOf(get(Key))).to.deep.equal({status: 404, code: 'NoSuchKey'})
    })

    it('says which is missing, the key or the bucket', async () => {
      const Key = freshKey()
      const {bucket} = subject.access()
      expect(await refusalOf(get(Key))).to.deep.equal({status: 404, code: 'NoSuchKey'})
      expect(await refusalOf(client().send(new HeadObjectCommand({Bucket: bucket, Key})))).to.deep.equal({status: 404, code: 'NotFound'})
      expect(await refusalOf(client().send(new GetObjectCommand({Bucket: 'no-such-bucket', Key})))).to.deep.equal({status: 404, code: 'NoSuchBucket'})
      expect(await refusalOf(client().send(new PutObjectCommand({Bucket: 'no-such-bucket', Key, Body: 'x'})))).to.deep.equal({status: 404, code: 'NoSuchBucket'})
      expect(await refusalOf(client().send(new HeadBucketCommand({Bucket: 'no-such-bucket'})))).to.deep.equal({status: 404, code: 'NotFound'})
    })

    itLikeAws(subject, 'location', 'tells the region of a bucket', async () => {
      const {bucket, region} = subject.access()
      const {LocationConstraint} = await client().send(new GetBucketLocationCommand({Bucket: bucket}))
      expect(LocationConstraint ?? 'us-east-1').to.equal(region)
    })

    for (const [range, bytes, contentRange] of [
      ['bytes=2-4', '234', 'bytes 2-4/10'],
      ['bytes=7-', '789', 'bytes 7-9/10'],
      ['bytes=-3', '789', 'bytes 7-9/10'],
      ['bytes=8-99', '89', 'bytes 8-9/10'],
    ] as const) {
      it(`gives ${range} of ten bytes`, async () => {
        const key = freshKey()
        await put(key, '0123456789')
        const answer = await get(key, {Range: range})
        expect([await answer.Body?.transformToString(), answer.ContentRange, answer.$metadata.httpStatusCode]).to.deep.equal([bytes, contentRange, 206])
      })
    }

    it('refuses a range past the end', async () => {
      const key = freshKey()
      await put(key, '0123456789')
      expect(await refusalOf(get(key, {Range: 'bytes=10-'}))).to.deep.equal({status: 416, code: 'InvalidRange'})
    })

    it('answers conditional reads', async () => {
      const key = freshKey()
      const {ETag = ''} = await put(key, 'x')
      const {status} = await refusalOf(get(key, {IfNoneMatch: ETag}))
      expect(status).to.equal(304)
      expect(await text(key, {IfMatch: ETag})).to.equal('x')
      expect(await refusalOf(get(key, {IfMatch: '"other"'}))).to.deep.equal({status: 412, code: 'PreconditionFailed'})
    })

    for (const name of ODD_KEYS) {
      it(`stores, finds and deletes the key ${JSON.stringify(name.length > 40 ? `${name.slice(0, 8)}… (${name.length})` : name)}`, async () => {
        const Bucket = subject.access().bucket
        const body = `content of ${name}`
        await put(name, body)
        expect(await text(name)).to.equal(body)
        await client().send(new DeleteObjectCommand({Bucket, Key: name}))
        expect(await refusalOf(get(name))).to.deep.equal({status: 404, code: 'NoSuchKey'})
      })
    }

    it('copies an object onto itself, with other metadata', async () => {
      const Bucket = subject.access().bucket
      const Key = freshKey()
      const copy = (CopySourceIfMatch: string) => client().send(new CopyObjectCommand({Bucket, Key, CopySource: `${Bucket}/${Key}`, CopySourceIfMatch, MetadataDirective: 'REPLACE', ContentType: 'text/plain'}))
      const {ETag = ''} = await put(Key, 'copied')
      const bare = ETag.replaceAll('"', '')
      expect((await copy(bare)).CopyObjectResult?.ETag?.replaceAll('"', '')).to.equal(bare)
      const {ContentType, Body} = await get(Key)
      expect([ContentType, await Body?.transformToString()]).to.deep.equal(['text/plain', 'copied'])
      await client().send(new DeleteObjectCommand({Bucket, Key}))
      expect(await refusalOf(copy(bare))).to.deep.equal({status: 404, code: 'NoSuchKey'})
    })

    itLikeAws(subject, 'copy-if-match', 'copies only the version that is meant', async () => {
      const {bucket: Bucket} = subject.access()
      const Key = freshKey()
      await put(Key, 'newer')
      const request = new CopyObjectCommand({Bucket, Key, CopySource: `${Bucket}/${Key}`, CopySourceIfMatch: 'd41d8cd98f00b204e9800998ecf8427e', MetadataDirective: 'REPLACE', ContentType: 'text/plain'})
      expect(await refusalOf(client().send(request))).to.deep.equal({status: 412, code: 'PreconditionFailed'})
    })

    itLikeAws(subject, 'key-too-long', 'refuses a key of 1 025 bytes', async () => {
      expect(await refusalOf(put('é'.repeat(512) + 'x', 'x'))).to.deep.equal({status: 400, code: 'KeyTooLongError'})
    })

    it('wants to know the length of a body', async () => {
      const access = subject.access()
      const signed = await sign(access, {method: 'PUT', path: `/${access.bucket}/${freshKey()}`})
      const answer = await send(access, {...signed, headers: {...signed.headers, 'transfer-encoding': 'chunked'}, body: 'x'})
      expect([answer.status, answer.code]).to.deep.equal([411, 'MissingContentLength'])
    })

    it('serves virtual-host style', async () => {
      const {bucket, endpoint, ...rest} = subject.access()
      const key = freshKey()
      await put(key, 'vhost')
      const named = {...rest, bucket, endpoint: `http://${bucket}.s3.localhost:${new URL(endpoint).port}`}
      const signed = await sign(named, {method: 'GET', path: `/${key}`})
      const answer = await send({endpoint}, signed)
      expect([answer.status, answer.body.toString()]).to.deep.equal([200, 'vhost'])
    })
  })
}
