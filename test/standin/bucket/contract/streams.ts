import {GetObjectCommand, PutObjectCommand} from '@aws-sdk/client-s3'
import {expect} from 'chai'
import {randomBytes} from 'node:crypto'
import {Readable} from 'node:stream'
import {openRequest, refusalOf, s3Client, send, sign} from '../../../support/s3.ts'
import {freshKey, itLikeAws, useClient} from './subject.ts'
import type {Subject} from './subject.ts'

const MIB = 1024 * 1024

export function describeStreams(subject: Subject): void {
  describe('bodies', () => {
    const client = useClient(subject)
    const target = (Key: string) => ({Bucket: subject.access().bucket, Key})
    const bytesOf = async (Key: string) => Buffer.from(await (await client().send(new GetObjectCommand(target(Key)))).Body?.transformToByteArray() ?? [])
    const body = randomBytes(300_000)
    const stream = () => Readable.from([body.subarray(0, 70_000), body.subarray(70_000)], {objectMode: false})

    itLikeAws(subject, 'stream-trailer', 'may be streams as the SDK sends them, with a checksum at the end', async () => {
      const key = freshKey()
      await client().send(new PutObjectCommand({...target(key), Body: stream(), ContentLength: body.length}))
      expect((await bytesOf(key)).equals(body)).to.equal(true)
    })

    it('may be streams without a checksum', async () => {
      const key = freshKey()
      const plain = s3Client(subject.access(), {requestChecksumCalculation: 'WHEN_REQUIRED'})
      await plain.send(new PutObjectCommand({...target(key), Body: stream(), ContentLength: body.length}))
      expect((await bytesOf(key)).equals(body)).to.equal(true)
    })

    it('are refused when their MD5 is another', async () => {
      const key = freshKey()
      expect(await refusalOf(client().send(new PutObjectCommand({...target(key), Body: 'hello', ContentMD5: '1B2M2Y8AsgTpgAmY7PhCfg=='})))).to.deep.equal({status: 400, code: 'BadDigest'})
      expect(await refusalOf(client().send(new GetObjectCommand(target(key))))).to.deep.equal({status: 404, code: 'NoSuchKey'})
    })

    itLikeAws(subject, 'crc32', 'are refused when their CRC32 is another', async () => {
      const access = subject.access()
      const key = freshKey()
      const wire = await sign(access, {method: 'PUT', path: `/${access.bucket}/${key}`, headers: {'x-amz-checksum-crc32': 'AAAAAA=='}})
      const {status, code} = await send(access, {...wire, body: 'hello'})
      expect({status, code}).to.deep.equal({status: 400, code: 'BadDigest'})
      expect(await refusalOf(client().send(new GetObjectCommand(target(key))))).to.deep.equal({status: 404, code: 'NoSuchKey'})
    })

    it('are kept whole or not at all when the client goes away', async () => {
      const access = subject.access()
      const key = freshKey()
      await client().send(new PutObjectCommand({...target(key), Body: 'old'}))
      const signed = await sign(access, {method: 'PUT', path: `/${access.bucket}/${key}`, headers: {'content-length': String(16 * MIB)}})
      const request = openRequest(access, signed)
      request.on('error', () => undefined)
      await new Promise(resolve => request.write(Buffer.alloc(12 * MIB), resolve))
      request.destroy()
      expect((await bytesOf(key)).toString()).to.equal('old')
    })

    it('are what they were while they are replaced', async () => {
      const key = freshKey()
      const put = (letter: string) => client().send(new PutObjectCommand({...target(key), Body: Buffer.alloc(MIB, letter)}))
      await put('a')
      const reads = Array.from({length: 8}, () => bytesOf(key))
      const writes = Array.from({length: 4}, (_, index) => put(index % 2 === 0 ? 'b' : 'a'))
      const read = await Promise.all(reads)
      await Promise.all(writes)
      expect(read.every(bytes => bytes.equals(Buffer.alloc(MIB, bytes.toString('latin1', 0, 1))))).to.equal(true)
    })
  })
}
