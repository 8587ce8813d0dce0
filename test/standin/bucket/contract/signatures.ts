import {GetObjectCommand, ListObjectsV2Command, PutObjectCommand} from '@aws-sdk/client-s3'
import {expect} from 'chai'
import {refusalOf, s3Client, send, sign} from '../../../support/s3.ts'
import type {WireRequest} from '../../../support/s3.ts'
import {freshKey, itLikeAws, useClient} from './subject.ts'
import type {Subject} from './subject.ts'

export function describeSignatures(subject: Subject): void {
  describe('signatures', () => {
    const client = useClient(subject)
    const key = freshKey('secret')
    before(() => client().send(new PutObjectCommand({Bucket: subject.access().bucket, Key: key, Body: 'secret'})))

    const verdict = async (wire: WireRequest) => {
      const {status, code} = await send(subject.access(), wire)
      return {status, code}
    }

    const signedGet = (date?: Date) => sign(subject.access(), {method: 'GET', path: `/${subject.access().bucket}/${key}`}, date)

    it('lets a rightly signed request pass', async () => {
      expect(await verdict(await signedGet())).to.deep.equal({status: 200, code: ''})
    })

    it('refuses a wrong secret and an unknown key', async () => {
      const access = subject.access()
      const list = new ListObjectsV2Command({Bucket: access.bucket})
      expect(await refusalOf(s3Client({...access, secret: 'wrong'}).send(list))).to.deep.equal({status: 403, code: 'SignatureDoesNotMatch'})
      expect(await refusalOf(s3Client({...access, key: 'AKIAUNKNOWN'}).send(list))).to.deep.equal({status: 403, code: 'InvalidAccessKeyId'})
    })

    for (const [what, method, path, query] of [
      ['read', 'GET', () => `/${subject.access().bucket}/${key}`, {}],
      ['write', 'PUT', () => `/${subject.access().bucket}/${key}`, {}],
      ['list', 'GET', () => `/${subject.access().bucket}`, {'list-type': '2'}],
    ] as const) {
      it(`refuses to let strangers ${what}`, async () => {
        expect(await verdict({method, path: path(), query})).to.deep.equal({status: 403, code: 'AccessDenied'})
      })
    }

    it('refuses a request whose path, query or header changed after it was signed', async () => {
      const signed = await signedGet()
      const expected = {status: 403, code: 'SignatureDoesNotMatch'}
      expect(await verdict({...signed, path: `${signed.path}2`})).to.deep.equal(expected)
      expect(await verdict({...signed, query: {'response-content-type': 'text/html'}})).to.deep.equal(expected)
      expect(await verdict({...signed, method: 'DELETE'})).to.deep.equal(expected)
      const withHeader = await sign(subject.access(), {method: 'GET', path: signed.path, headers: {'x-amz-meta-a': '1'}})
      expect(await verdict({...withHeader, headers: {...withHeader.headers, 'x-amz-meta-a': '2'}})).to.deep.equal(expected)
    })

    itLikeAws(subject, 'unsigned-header', 'refuses an x-amz- header that was not signed', async () => {
      const signed = await sign(subject.access(), {method: 'PUT', path: `/${subject.access().bucket}/${freshKey()}`})
      expect(await verdict({...signed, headers: {...signed.headers, 'x-amz-meta-a': '1'}})).to.deep.equal({status: 403, code: 'AccessDenied'})
    })

    it('refuses a date more than 15 minutes off', async () => {
      const minutes = (count: number) => new Date(Date.now() + count * 60_000)
      expect(await verdict(await signedGet(minutes(-16)))).to.deep.equal({status: 403, code: 'RequestTimeTooSkewed'})
      expect(await verdict(await signedGet(minutes(16)))).to.deep.equal({status: 403, code: 'RequestTimeTooSkewed'})
      expect((await verdict(await signedGet(minutes(-14)))).status).to.equal(200)
    })

    itLikeAws(subject, 'region', 'names the right region to a client that signs for another', async () => {
      const access = subject.access()
      const wire = await sign({...access, region: 'ap-south-1'}, {method: 'GET', path: `/${access.bucket}/${key}`})
      const {status, code, body, headers} = await send(access, wire)
      expect({status, code, header: headers['x-amz-bucket-region']}).to.deep.equal({status: 400, code: 'AuthorizationHeaderMalformed', header: access.region})
      expect(body.toString()).to.include(`<Region>${access.region}</Region>`)
    })

    it('refuses a body that is not the one whose sha256 was signed', async () => {
      const Key = freshKey()
      const signed = await sign(subject.access(), {
        method: 'PUT', path: `/${subject.access().bucket}/${Key}`,
        headers: {'x-amz-content-sha256': 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'},
      })
      expect(await verdict({...signed, body: 'abd'})).to.deep.equal({status: 400, code: 'XAmzContentSHA256Mismatch'})
      expect(await refusalOf(client().send(new GetObjectCommand({Bucket: subject.access().bucket, Key})))).to.deep.equal({status: 404, code: 'NoSuchKey'})
      expect((await verdict({...signed, body: 'abc'})).status).to.equal(200)
    })
  })
}
