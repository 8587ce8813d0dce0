import {DeleteObjectsCommand, ListObjectsV2Command, PutObjectCommand, paginateListObjectsV2} from '@aws-sdk/client-s3'
import {expect} from 'chai'
import {eachAtOnce, refusalOf} from '../../../support/s3.ts'
import {freshKey, useClient} from './subject.ts'
import type {Subject} from './subject.ts'

export function describeListing(subject: Subject): void {
  describe('listing', () => {
    const client = useClient(subject)
    const put = (Key: string) => client().send(new PutObjectCommand({Bucket: subject.access().bucket, Key, Body: 'x'}))
    const list = (more = {}) => client().send(new ListObjectsV2Command({Bucket: subject.access().bucket, ...more}))
    const keys = async (more = {}) => (await list(more)).Contents?.map(object => object.Key) ?? []

    describe('of 1 005 keys', () => {
      const prefix = freshKey('many/')
      const many = Array.from({length: 1005}, (_, index) => `${prefix}${String(index).padStart(5, '0')}`)
      before(() => eachAtOnce(many, 32, put))

      it('comes in pages of 1 000', async () => {
        const pages = []
        for await (const page of paginateListObjectsV2({client: client()}, {Bucket: subject.access().bucket, Prefix: prefix})) {
          pages.push(page)
        }

        expect(pages.map(page => [page.KeyCount, page.IsTruncated])).to.deep.equal([[1000, true], [5, false]])
        expect(pages.flatMap(page => page.Contents?.map(object => object.Key))).to.deep.equal(many)
      })

      it('starts after a given key, there or not', async () => {
        expect(await keys({Prefix: prefix, StartAfter: `${prefix}01002`})).to.deep.equal(many.slice(1003))
        expect(await keys({Prefix: prefix, StartAfter: `${prefix}01002x`})).to.deep.equal(many.slice(1003))
      })

      it('can be deleted 1 000 at a time', async () => {
        const Objects = many.slice(0, 1000).map(Key => ({Key}))
        const {Deleted} = await client().send(new DeleteObjectsCommand({Bucket: subject.access().bucket, Delete: {Objects}}))
        expect(Deleted).to.have.length(1000)
        expect(await keys({Prefix: prefix})).to.deep.equal(many.slice(1000))
      })
    })

    it('puts keys with a common beginning together', async () => {
      const prefix = freshKey('tree/')
      await Promise.all(['a', 'b/1', 'b/2', 'b/c/3', 'd', 'e/4'].map(name => put(prefix + name)))
      const pages = []
      for await (const {Contents = [], CommonPrefixes = []} of paginateListObjectsV2({client: client()}, {Bucket: subject.access().bucket, Prefix: prefix, Delimiter: '/', MaxKeys: 2})) {
        pages.push([...Contents.map(object => object.Key), ...CommonPrefixes.map(group => group.Prefix)].map(name => name?.slice(prefix.length)))
      }

      expect(pages).to.deep.equal([['a', 'b/'], ['d', 'e/']])
    })

    it('goes by the bytes of UTF-8, not by UTF-16 units', async () => {
      const prefix = freshKey('order/')
      const ordered = ['A', 'Z', 'a', 'z', 'é', '｡', '🦊'].map(name => prefix + name)
      await Promise.all([...ordered].reverse().map(put))
      expect(await keys({Prefix: prefix})).to.deep.equal(ordered)
    })

    it('shows keys that XML and URLs find hard', async () => {
      const prefix = freshKey('hard/')
      const hard = [' blank ', 'a&b<c>"d"', 'new\nline', 'plus+percent%41', 'return\rhere'].map(name => prefix + name)
      await Promise.all(hard.map(put))
      const encoded = await keys({Prefix: prefix, EncodingType: 'url'})
      expect(encoded.map(key => decodeURIComponent(key?.replaceAll('+', ' ') ?? ''))).to.deep.equal(hard)
      const {Errors} = await client().send(new DeleteObjectsCommand({Bucket: subject.access().bucket, Delete: {Objects: hard.map(Key => ({Key})), Quiet: true}}))
      expect(Errors ?? []).to.deep.equal([])
      expect(await keys({Prefix: prefix})).to.deep.equal([])
    })

    it('refuses a bucket that is not there', async () => {
      expect(await refusalOf(list({Bucket: 'no-such-bucket'}))).to.deep.equal({status: 404, code: 'NoSuchBucket'})
    })
  })
}
