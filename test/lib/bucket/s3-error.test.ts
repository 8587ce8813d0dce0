import {expect} from 'chai'
import {explainS3Failure, isPassing, readS3Failure, type S3Failure} from '../../../src/lib/bucket/s3-error.ts'

const REQUEST = {action: 's3:PutObject', bucket: 'example', key: 'a/key', region: 'us-east-1', endpoint: null}
const explain = (failure: Partial<S3Failure>) => explainS3Failure({name: 'Error', message: 'text', status: null, region: null, ...failure}, REQUEST)

describe('explainS3Failure', () => {
  for (const [failure, code, exit, message] of [
    [{name: 'NoSuchBucket', status: 404}, 'NO_SUCH_BUCKET', 3, 'There is no bucket example at AWS in us-east-1.'],
    [{name: 'InvalidBucketName', status: 400}, 'NO_SUCH_BUCKET', 3, 'NIX_S3_BUCKET is "example", which is no name that a bucket can have.'],
    [{name: 'InvalidAccessKeyId', status: 403}, 'BAD_S3_KEY', 3, 'AWS in us-east-1 does not know the access key in NIX_S3_KEY (bucket example).'],
    [{name: 'SignatureDoesNotMatch', status: 403}, 'BAD_S3_SECRET', 3, 'NIX_S3_SECRET is not the secret that belongs to NIX_S3_KEY (bucket example at AWS in us-east-1).'],
    [{name: 'AccessDenied', status: 403}, 'ACCESS_DENIED', 3, 'AWS in us-east-1 does not permit s3:PutObject on a/key in bucket example with the access key in NIX_S3_KEY.'],
    [{name: 'PermanentRedirect', status: 301, region: 'eu-west-1'}, 'WRONG_REGION', 3, 'Bucket example is in eu-west-1, not in us-east-1 as NIX_S3_REGION has it.'],
    [{name: 'Error', status: 301, region: 'eu-west-1'}, 'WRONG_REGION', 3, 'Bucket example is in eu-west-1, not in us-east-1 as NIX_S3_REGION has it.'],
    [{name: 'AuthorizationHeaderMalformed', status: 400, message: 'the region \'us-east-1\' is wrong; expecting \'eu-central-1\''}, 'WRONG_REGION', 3, 'Bucket example is in eu-central-1, not in us-east-1 as NIX_S3_REGION has it.'],
    [{name: 'PermanentRedirect', status: 301}, 'WRONG_REGION', 3, 'Bucket example is not in us-east-1, as NIX_S3_REGION has it.'],
    [{name: 'RequestTimeTooSkewed', status: 403}, 'CLOCK_SKEWED', 8, 'This machine\'s clock differs from that of AWS in us-east-1 by more than 15 minutes, so every request is refused.'],
    [{name: 'QuotaExceeded', status: 403}, 'BUCKET_FULL', 8, 'Bucket example at AWS in us-east-1 is full, or has reached its quota: s3:PutObject on a/key in bucket example was answered with QuotaExceeded.'],
    [{name: 'Error', status: 507}, 'BUCKET_FULL', 8, 'Bucket example at AWS in us-east-1 is full, or has reached its quota: s3:PutObject on a/key in bucket example was answered with Error.'],
    [{name: 'SlowDown', status: 503}, 'BUCKET_BUSY', 8, 'AWS in us-east-1 is too busy: s3:PutObject on a/key in bucket example was answered with 503 SlowDown again and again.'],
    [{name: 'Whatever', status: 502}, 'BUCKET_BUSY', 8, 'AWS in us-east-1 is too busy: s3:PutObject on a/key in bucket example was answered with 502 Whatever again and again.'],
    [{name: 'ECONNREFUSED'}, 'BUCKET_UNREACHABLE', 8, 'Bucket example cannot be reached at AWS in us-east-1: ECONNREFUSED.'],
    [{name: 'ECONNRESET'}, 'BUCKET_UNREACHABLE', 8, 'Bucket example cannot be reached at AWS in us-east-1: ECONNRESET.'],
    [{name: 'ENOTFOUND'}, 'BUCKET_UNREACHABLE', 8, 'Bucket example cannot be reached at AWS in us-east-1: ENOTFOUND.'],
    [{name: 'SELF_SIGNED_CERT_IN_CHAIN'}, 'BUCKET_UNREACHABLE', 3, 'AWS in us-east-1 has no certificate that this machine trusts: SELF_SIGNED_CERT_IN_CHAIN.'],
    [{name: 'EntityTooLarge', status: 400, message: 'too large'}, 'BUCKET_FAILED', 8, 's3:PutObject on a/key in bucket example failed at AWS in us-east-1: EntityTooLarge: too large'],
  ] as const) {
    it(`of ${failure.name}${'status' in failure ? ` ${failure.status}` : ''}: ${message}`, () => {
      const error = explain(failure)
      expect(error).to.include({code, exitCode: exit, message})
      expect(error.suggestions).to.have.length.above(0)
    })
  }

  it('says what may pass by itself', () => {
    expect(['SlowDown', 'ECONNRESET', 'NoSuchBucket', 'AccessDenied'].map(name => isPassing(explain({name, status: name === 'AccessDenied' ? 403 : null})))).to.deep.equal([true, true, false, false])
  })
})

describe('readS3Failure', () => {
  it('takes code, status and region, and hides secrets in the message', () => {
    const thrown = Object.assign(new Error('the key AKIAEXAMPLE is odd'), {
      name: 'X', Code: 'PermanentRedirect', $metadata: {httpStatusCode: 301}, $response: {headers: {'x-amz-bucket-region': 'eu-west-1'}},
    })
    expect(readS3Failure(thrown, ['AKIAEXAMPLE', ''])).to.deep.equal({name: 'PermanentRedirect', message: 'the key [hidden] is odd', status: 301, region: 'eu-west-1'})
  })

  it('finds the code of a connection that several addresses refused', () => {
    const refused = Object.assign(new Error('connect'), {code: 'ECONNREFUSED'})
    expect(readS3Failure(new AggregateError([refused]), [])).to.include({name: 'ECONNREFUSED', status: null})
  })

  it('takes anything', () => {
    expect(readS3Failure('text', [])).to.deep.equal({name: 'Error', message: 'text', status: null, region: null})
    expect(readS3Failure(null, [])).to.include({name: 'Error'})
  })
})
