import {GetObjectCommand, PutObjectCommand} from '@aws-sdk/client-s3'
import {getSignedUrl} from '@aws-sdk/s3-request-presigner'
import {expect} from 'chai'
import {s3Client} from '../../../support/s3.ts'
import {freshKey, itLikeAws, useClient} from './subject.ts'
import type {Subject} from './subject.ts'

export function describePresigned(subject: Subject): void {
  describe('presigned URLs', () => {
    const client = useClient(subject)
    const key = freshKey('presigned')
    before(() => client().send(new PutObjectCommand({Bucket: subject.access().bucket, Key: key, Body: 'hello'})))

    // The SDK would sign the checksum of a body that it does not have.
    const signer = () => s3Client(subject.access(), {requestChecksumCalculation: 'WHEN_REQUIRED'})
    const getUrl = (options: Parameters<typeof getSignedUrl>[2] = {}) =>
      getSignedUrl(signer(), new GetObjectCommand({Bucket: subject.access().bucket, Key: key}), options)
    const putUrl = (Key: string) => getSignedUrl(signer(), new PutObjectCommand({Bucket: subject.access().bucket, Key}), {expiresIn: 60})
    const verdict = async (url: string, init?: RequestInit) => {
      const answer = await fetch(url, init)
      return {status: answer.status, code: /<Code>(\w+)<\/Code>/.exec(await answer.text())?.[1] ?? ''}
    }

    it('let whoever has one read', async () => {
      const answer = await fetch(await getUrl())
      expect([answer.status, await answer.text()]).to.deep.equal([200, 'hello'])
    })

    it('let whoever has one write', async () => {
      const Key = freshKey('a name with + and =')
      expect(await verdict(await putUrl(Key), {method: 'PUT', body: 'uploaded'})).to.deep.equal({status: 200, code: ''})
      const {Body} = await client().send(new GetObjectCommand({Bucket: subject.access().bucket, Key}))
      expect(await Body?.transformToString()).to.equal('uploaded')
    })

    it('open no other key and no other method', async () => {
      const refused = {status: 403, code: 'SignatureDoesNotMatch'}
      expect(await verdict((await getUrl()).replace('/presigned?', '/other?'))).to.deep.equal(refused)
      expect(await verdict(await getUrl(), {method: 'DELETE'})).to.deep.equal(refused)
      expect(await verdict(await getUrl(), {method: 'PUT', body: 'x'})).to.deep.equal(refused)
      expect(await verdict(await putUrl(freshKey()), {method: 'GET'})).to.deep.equal(refused)
    })

    it('cannot be given a longer life', async () => {
      const url = await getUrl({expiresIn: 60})
      expect(await verdict(url.replace('X-Amz-Expires=60', 'X-Amz-Expires=600'))).to.deep.equal({status: 403, code: 'SignatureDoesNotMatch'})
    })

    it('expire', async () => {
      const url = await getUrl({expiresIn: 60, signingDate: new Date(Date.now() - 61_000)})
      expect(await verdict(url)).to.deep.equal({status: 403, code: 'AccessDenied'})
    })

    itLikeAws(subject, 'presigned-max', 'live a week at most', async () => {
      const url = await getUrl({expiresIn: 60})
      expect(await verdict(url.replace('X-Amz-Expires=60', 'X-Amz-Expires=604801'))).to.deep.equal({status: 400, code: 'AuthorizationQueryParametersError'})
    })
  })
}
