import {
  AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CreateMultipartUploadCommand, GetObjectCommand, HeadObjectCommand,
  ListMultipartUploadsCommand, ListPartsCommand, PutObjectCommand, UploadPartCommand,
} from '@aws-sdk/client-s3'
import {Upload} from '@aws-sdk/lib-storage'
import {expect} from 'chai'
import {createHash} from 'node:crypto'
import {Readable} from 'node:stream'
import {refusalOf, s3Client} from '../../../support/s3.ts'
import {freshKey, itLikeAws, useClient} from './subject.ts'
import type {Subject} from './subject.ts'

const MIB = 1024 * 1024

export function describeMultipart(subject: Subject): void {
  describe('multipart uploads', () => {
    const client = useClient(subject)
    const target = (Key: string) => ({Bucket: subject.access().bucket, Key})
    const begin = async (key: string) => (await client().send(new CreateMultipartUploadCommand(target(key)))).UploadId ?? ''
    const sendPart = async (key: string, UploadId: string, PartNumber: number, Body: Buffer) =>
      ({PartNumber, ETag: (await client().send(new UploadPartCommand({...target(key), UploadId, PartNumber, Body}))).ETag})
    const complete = (key: string, UploadId: string, Parts: {PartNumber: number; ETag: string | undefined}[], more = {}) =>
      client().send(new CompleteMultipartUploadCommand({...target(key), UploadId, MultipartUpload: {Parts}, ...more}))
    const onePart = async (key: string) => {
      const id = await begin(key)
      return {id, parts: [await sendPart(key, id, 1, Buffer.from('part'))]}
    }

    it('put parts together in order, whatever order they came in', async () => {
      const key = freshKey()
      const id = await begin(key)
      const first = Buffer.alloc(5 * MIB, 'a')
      const last = Buffer.from('the end')
      const two = await sendPart(key, id, 2, last)
      const one = await sendPart(key, id, 1, first)
      await complete(key, id, [one, two])

      const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest()
      const head = await client().send(new HeadObjectCommand(target(key)))
      expect([head.ETag, head.ContentLength]).to.deep.equal([`"${md5(Buffer.concat([md5(first), md5(last)])).toString('hex')}-2"`, 5 * MIB + 7])
      const {Body} = await client().send(new GetObjectCommand({...target(key), Range: `bytes=${5 * MIB - 2}-${5 * MIB + 2}`}))
      expect(await Body?.transformToString()).to.equal('aathe')
    })

    itLikeAws(subject, 'complete-etag', 'tell the ETag of what they made', async () => {
      const key = freshKey()
      const {id, parts} = await onePart(key)
      const {ETag} = await complete(key, id, parts)
      expect(ETag).to.equal((await client().send(new HeadObjectCommand(target(key)))).ETag)
    })

    it('list their parts, page by page, and themselves', async () => {
      const key = freshKey()
      const id = await begin(key)
      for (const number of [1, 2, 3]) {
        await sendPart(key, id, number, Buffer.alloc(number))
      }

      const page = await client().send(new ListPartsCommand({...target(key), UploadId: id, MaxParts: 2}))
      expect([page.IsTruncated, page.Parts?.map(part => [part.PartNumber, part.Size])]).to.deep.equal([true, [[1, 1], [2, 2]]])
      const rest = await client().send(new ListPartsCommand({...target(key), UploadId: id, PartNumberMarker: page.NextPartNumberMarker}))
      expect([rest.IsTruncated, rest.Parts?.map(part => part.PartNumber)]).to.deep.equal([false, [3]])
      const {Uploads} = await client().send(new ListMultipartUploadsCommand({Bucket: target(key).Bucket, Prefix: key}))
      expect(Uploads?.map(upload => [upload.Key, upload.UploadId])).to.deep.equal([[key, id]])
    })

    it('are invisible until they are complete', async () => {
      const key = freshKey()
      await onePart(key)
      expect(await refusalOf(client().send(new GetObjectCommand(target(key))))).to.deep.equal({status: 404, code: 'NoSuchKey'})
    })

    itLikeAws(subject, 'part-after-abort', 'are gone once aborted', async () => {
      const key = freshKey()
      const {id} = await onePart(key)
      await client().send(new AbortMultipartUploadCommand({...target(key), UploadId: id}))
      const gone = {status: 404, code: 'NoSuchUpload'}
      expect(await refusalOf(sendPart(key, id, 1, Buffer.from('x')))).to.deep.equal(gone)
      expect(await refusalOf(client().send(new ListPartsCommand({...target(key), UploadId: id})))).to.deep.equal(gone)
    })

    for (const [deviation, what, finish] of [
      ['complete-aborted', 'aborted', (key: string, id: string) => client().send(new AbortMultipartUploadCommand({...target(key), UploadId: id}))],
      ['complete-twice', 'completed', (key: string, id: string, parts: Parameters<typeof complete>[2]) => complete(key, id, parts)],
    ] as const) {
      itLikeAws(subject, deviation, `cannot be completed once ${what}`, async () => {
        const key = freshKey()
        const {id, parts} = await onePart(key)
        await finish(key, id, parts)
        expect(await refusalOf(complete(key, id, parts))).to.deep.equal({status: 404, code: 'NoSuchUpload'})
      })
    }

    it('refuse a small part before the last', async () => {
      const key = freshKey()
      const id = await begin(key)
      const parts = [await sendPart(key, id, 1, Buffer.from('small')), await sendPart(key, id, 2, Buffer.from('last'))]
      expect(await refusalOf(complete(key, id, parts))).to.deep.equal({status: 400, code: 'EntityTooSmall'})
    })

    it('refuse a part that is not there or has another ETag', async () => {
      const key = freshKey()
      const id = await begin(key)
      const one = await sendPart(key, id, 1, Buffer.alloc(5 * MIB))
      const two = await sendPart(key, id, 2, Buffer.from('last'))
      const invalid = {status: 400, code: 'InvalidPart'}
      expect(await refusalOf(complete(key, id, [one, {...two, PartNumber: 3}]))).to.deep.equal(invalid)
      expect(await refusalOf(complete(key, id, [one, {...two, ETag: '"d41d8cd98f00b204e9800998ecf8427e"'}]))).to.deep.equal(invalid)
    })

    itLikeAws(subject, 'part-order', 'refuse parts in the wrong order', async () => {
      const key = freshKey()
      const id = await begin(key)
      const one = await sendPart(key, id, 1, Buffer.alloc(5 * MIB))
      const two = await sendPart(key, id, 2, Buffer.from('last'))
      expect(await refusalOf(complete(key, id, [two, one]))).to.deep.equal({status: 400, code: 'InvalidPartOrder'})
    })

    it('take the last version of a part that was sent twice', async () => {
      const key = freshKey()
      const id = await begin(key)
      await sendPart(key, id, 1, Buffer.from('once'))
      await complete(key, id, [await sendPart(key, id, 1, Buffer.from('twice'))])
      const {Body} = await client().send(new GetObjectCommand(target(key)))
      expect(await Body?.transformToString()).to.equal('twice')
    })

    itLikeAws(subject, 'complete-if-none-match', 'complete under If-None-Match: * only where nothing is', async () => {
      const key = freshKey()
      const [first, second] = [await onePart(key), await onePart(key)]
      await complete(key, first.id, first.parts, {IfNoneMatch: '*'})
      expect(await refusalOf(complete(key, second.id, second.parts, {IfNoneMatch: '*'}))).to.deep.equal({status: 412, code: 'PreconditionFailed'})
    })

    itLikeAws(subject, 'complete-if-none-match', 'have one winner among 32 that complete at once under If-None-Match: *', async () => {
      const key = freshKey()
      const uploads = await Promise.all(Array.from({length: 32}, () => onePart(key)))
      const outcomes = await Promise.all(uploads.map(({id, parts}) => complete(key, id, parts, {IfNoneMatch: '*'}).then(() => true, () => false)))
      expect(outcomes.filter(Boolean)).to.have.length(1)
    })

    itLikeAws(subject, 'complete-if-match', 'complete under If-Match only over what was read', async () => {
      const key = freshKey()
      const {ETag} = await client().send(new PutObjectCommand({...target(key), Body: 'old'}))
      const {id, parts} = await onePart(key)
      expect(await refusalOf(complete(key, id, parts, {IfMatch: '"d41d8cd98f00b204e9800998ecf8427e"'}))).to.deep.equal({status: 412, code: 'PreconditionFailed'})
      await complete(key, id, parts, {IfMatch: ETag})
    })

    it('are how lib-storage sends a stream of unknown length', async () => {
      const key = freshKey()
      const pieces = Array.from({length: 12}, (_, index) => Buffer.alloc(MIB, index))
      const uploader = s3Client(subject.access(), subject.deviations['stream-trailer'] === undefined ? {} : {requestChecksumCalculation: 'WHEN_REQUIRED'})
      await new Upload({client: uploader, params: {...target(key), Body: Readable.from(pieces)}}).done()
      const {Body} = await client().send(new GetObjectCommand(target(key)))
      expect(Buffer.concat(pieces).equals(await Body?.transformToByteArray() ?? Buffer.alloc(0))).to.equal(true)
    })
  })
}
