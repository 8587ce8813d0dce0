import {expect} from 'chai'
import type {Bucket} from '../../../src/lib/bucket/bucket.ts'
import {EXIT, NixError} from '../../../src/lib/errors.ts'
import {probeBucket} from '../../../src/lib/setup/probe.ts'
import {bucketExists} from '../../../src/lib/setup/read-facts.ts'
import type {S3Action} from '../../../standin/bucket/contract.ts'
import {serve, type Served} from '../bucket/served.ts'

const failure = (act: Promise<unknown>) => act.then(() => null, (error: unknown) => error as NixError)

describe('the probe of a bucket', () => {
  let served: Served
  beforeEach(async () => {
    served = await serve()
  })
  afterEach(() => served.close())

  it('finds a bucket that does all that builds need, and leaves nothing in it', async () => {
    expect(await bucketExists(served.bucket, 'nonce', 'example-app')).to.equal(true)
    const left: string[] = []
    for await (const {key} of served.bucket.list('')) left.push(key)
    expect(left).to.deep.equal([])
  })

  it('finds that there is none', async () => {
    expect(await bucketExists(served.client({bucket: 'nowhere-to-be-found'}), 'nonce', 'example-app')).to.equal(false)
  })

  for (const action of ['s3:PutObject', 's3:GetObject', 's3:ListBucket', 's3:DeleteObject'] satisfies S3Action[]) {
    it(`shows the whole policy when ${action} is not permitted`, async () => {
      served.server.deny([action])
      const error = await failure(probeBucket(served.bucket, 'nonce'))
      expect([error?.code, error?.exitCode]).to.deep.equal(['ACCESS_DENIED', EXIT.setup])
      expect(error?.message).to.include(`does not permit ${action}`)
      const policy = JSON.parse(/\n(\{[^]*\})\n/.exec(error?.message ?? '')?.[1] ?? 'null') as {Statement: {Action: string[]; Resource: string}[]}
      expect(policy.Statement.flatMap(statement => statement.Action)).to.include.members([action, 's3:AbortMultipartUpload', 's3:GetBucketLocation'])
      expect(policy.Statement.map(({Resource}) => Resource)).to.deep.equal(['arn:aws:s3:::example-bucket', 'arn:aws:s3:::example-bucket/*'])
    })
  }

  for (const [header, drops] of [['If-None-Match', 'absent'], ['If-Match', 'etag']] as const) {
    it(`refuses a store that does not honour ${header}`, async () => {
      const careless: Bucket = {
        ...served.bucket,
        put: (key, body, {condition, ...options} = {}) => {
          const kind = condition === 'absent' ? 'absent' : 'etag'
          return served.bucket.put(key, body, condition === undefined || kind === drops ? options : {...options, condition})
        },
      }
      const error = await failure(probeBucket(careless, 'nonce'))
      expect([error?.code, error?.message]).to.deep.equal([
        'NO_CONDITIONAL_WRITES', `The store of bucket example-bucket does not honour ${header}: two builds at once would overwrite one another's records.`,
      ])
    })
  }
})
