import {DeleteObjectCommand, GetObjectCommand, PutObjectCommand} from '@aws-sdk/client-s3'
import {expect} from 'chai'
import {openRequest, readAnswer, refusalOf, sign} from '../../../support/s3.ts'
import {freshKey, itLikeAws, useClient} from './subject.ts'
import type {Subject} from './subject.ts'

const REFUSED = {status: 412, code: 'PreconditionFailed'}

export function describeConditionalWrites(subject: Subject): void {
  describe('conditional writes', () => {
    const client = useClient(subject)
    const put = (Key: string, Body: string, more = {}) => client().send(new PutObjectCommand({Bucket: subject.access().bucket, Key, Body, ...more}))
    const text = async (Key: string) => (await client().send(new GetObjectCommand({Bucket: subject.access().bucket, Key}))).Body?.transformToString()

    it('write once under If-None-Match: *', async () => {
      const key = freshKey()
      await put(key, 'first', {IfNoneMatch: '*'})
      expect(await refusalOf(put(key, 'second', {IfNoneMatch: '*'}))).to.deep.equal(REFUSED)
      expect(await text(key)).to.equal('first')
    })

    it('have one winner among 32 racing under If-None-Match: *', async () => {
      const key = freshKey()
      const outcomes = await Promise.all(Array.from({length: 32}, async (_, index) => {
        const body = `writer ${index}`
        try {
          await put(key, body, {IfNoneMatch: '*'})
          return body
        } catch (error) {
          return (error as {$metadata: {httpStatusCode: number}}).$metadata.httpStatusCode
        }
      }))
      const winners = outcomes.filter(outcome => outcome !== 412)
      expect(winners).to.deep.equal([await text(key)])
    })

    itLikeAws(subject, 'if-match-quoted', 'replace under If-Match only what was read', async () => {
      const key = freshKey()
      const {ETag = ''} = await put(key, 'one')
      await put(key, 'two', {IfMatch: ETag})
      expect(await refusalOf(put(key, 'three', {IfMatch: ETag}))).to.deep.equal(REFUSED)
      expect(await text(key)).to.equal('two')
    })

    it('take an ETag without quotes too', async () => {
      const key = freshKey()
      const {ETag = ''} = await put(key, 'one')
      await put(key, 'two', {IfMatch: ETag.replaceAll('"', '')})
      expect(await refusalOf(put(key, 'three', {IfMatch: ETag.replaceAll('"', '')}))).to.deep.equal(REFUSED)
      expect(await text(key)).to.equal('two')
    })

    it('have one winner among 32 racing under If-Match', async () => {
      const key = freshKey()
      const {ETag = ''} = await put(key, 'start')
      const outcomes = await Promise.all(Array.from({length: 32}, (_, index) =>
        put(key, `writer ${index}`, {IfMatch: ETag.replaceAll('"', '')}).then(() => true, () => false)))
      expect(outcomes.filter(Boolean)).to.have.length(1)
    })

    itLikeAws(subject, 'if-match-missing', 'have nothing to replace under If-Match where there is nothing', async () => {
      expect(await refusalOf(put(freshKey(), 'x', {IfMatch: 'd41d8cd98f00b204e9800998ecf8427e'}))).to.deep.equal({status: 404, code: 'NoSuchKey'})
    })

    itLikeAws(subject, 'delete-conflict', 'answer 409 when the key is deleted while the body is on its way', async () => {
      const access = subject.access()
      for (const condition of ['if-match', 'if-none-match']) {
        const Key = freshKey()
        const path = `/${access.bucket}/${Key}`
        if (condition === 'if-match') {
          await put(Key, 'old')
        }

        const signed = await sign(access, {method: 'PUT', path, headers: {[condition]: condition === 'if-match' ? '149603e6c03516362a8da23f624db945' : '*', expect: '100-continue', 'content-length': '3'}})
        const request = openRequest(access, signed)
        request.flushHeaders()
        await new Promise(resolve => request.once('continue', resolve))
        if (condition === 'if-none-match') {
          await put(Key, 'meanwhile')
        }

        await client().send(new DeleteObjectCommand({Bucket: access.bucket, Key}))
        request.end('new')
        const {status, code} = await readAnswer(request)
        expect({status, code}).to.deep.equal({status: 409, code: 'ConditionalRequestConflict'})
      }
    })

    itLikeAws(subject, 'if-none-match-etag', 'know no If-None-Match but *', async () => {
      expect(await refusalOf(put(freshKey(), 'x', {IfNoneMatch: '"d41d8cd98f00b204e9800998ecf8427e"'}))).to.deep.equal({status: 501, code: 'NotImplemented'})
    })
  })
}
