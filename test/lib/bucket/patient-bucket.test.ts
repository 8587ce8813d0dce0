import {expect} from 'chai'
import {Readable} from 'node:stream'
import type {Bucket} from '../../../src/lib/bucket/bucket.ts'
import {patientBucket} from '../../../src/lib/bucket/patient-bucket.ts'
import {EXIT, NixError} from '../../../src/lib/errors.ts'

/** A bucket whose every request fails with the next of these codes, and then succeeds. */
function failing(codes: string[]): {bucket: Bucket; requests: () => number} {
  let requests = 0
  const answer = <Value>(value: Value) => {
    requests += 1
    const code = codes.shift()
    return code === undefined ? Promise.resolve(value) : Promise.reject(new NixError(code, {code, exit: EXIT.unavailable}))
  }
  const bucket: Bucket = {
    name: 'example', head: () => answer(null), read: () => answer(null), stream: () => answer(null), fill: () => answer(null),
    put: () => answer({kind: 'stored', etag: 'e'}), list: () => { throw new Error('not asked') }, delete: () => answer(undefined), touch: () => answer(true), presign: () => answer(''),
  }
  return {bucket, requests: () => requests}
}

describe('patientBucket', () => {
  async function patient(codes: string[], act: (bucket: Bucket) => Promise<unknown>) {
    const waited: number[] = []
    const {bucket, requests} = failing(codes)
    const wait = (seconds: number) => {
      waited.push(seconds)
      return Promise.resolve()
    }
    const result = await act(patientBucket(bucket, {waits: [1, 2, 4], wait})).catch((error: unknown) => error)
    return {result, waited, requests: requests()}
  }

  it('waits an outage out, longer each time', async () => {
    expect(await patient(['BUCKET_UNREACHABLE', 'BUCKET_BUSY'], bucket => bucket.put('k', Buffer.from('x'))))
      .to.deep.equal({result: {kind: 'stored', etag: 'e'}, waited: [1, 2], requests: 3})
  })

  it('gives up after its last wait', async () => {
    const {result, waited, requests} = await patient(Array<string>(9).fill('BUCKET_BUSY'), bucket => bucket.head('k'))
    expect(result).to.have.property('code', 'BUCKET_BUSY')
    expect([waited, requests]).to.deep.equal([[1, 2, 4], 4])
  })

  it('does not ask again what will be refused again', async () => {
    expect((await patient(['ACCESS_DENIED'], bucket => bucket.read('k', {maxBytes: 1}))).requests).to.equal(1)
  })

  it('does not send a stream twice', async () => {
    expect((await patient(['BUCKET_BUSY'], bucket => bucket.put('k', {stream: Readable.from([])}))).requests).to.equal(1)
  })
})
