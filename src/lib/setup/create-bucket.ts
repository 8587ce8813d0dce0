import {CreateBucketCommand, S3Client, type BucketLocationConstraint} from '@aws-sdk/client-s3'
import {explainS3Failure, readS3Failure} from '../bucket/s3-error.ts'
import type {BucketConfig} from '../config-vars.ts'
import {EXIT, NixError} from '../errors.ts'

/**
 * Makes the bucket, private as S3 makes it unless told otherwise.
 * @throws NixError BUCKET_NAME_TAKEN and those of every S3 request
 */
export async function createBucket(config: BucketConfig): Promise<void> {
  const client = new S3Client({
    region: config.region,
    credentials: {accessKeyId: config.key, secretAccessKey: config.secret},
    ...(config.endpoint === null ? {} : {endpoint: config.endpoint, forcePathStyle: true}),
  })
  // AWS refuses the constraint us-east-1, its default, and other stores know no regions.
  const constrained = config.endpoint === null && config.region !== 'us-east-1'
  try {
    await client.send(new CreateBucketCommand({
      Bucket: config.bucket,
      ...(constrained && {CreateBucketConfiguration: {LocationConstraint: config.region as BucketLocationConstraint}}),
    }))
  } catch (error) {
    const failure = readS3Failure(error, [config.secret, config.key])
    if (failure.name === 'BucketAlreadyOwnedByYou') return
    throw failure.name === 'BucketAlreadyExists'
      ? new NixError(`The bucket ${config.bucket} belongs to somebody else: the names of buckets are one for all accounts.`, {
          code: 'BUCKET_NAME_TAKEN', exit: EXIT.setup, suggestions: ['heroku nix:setup --bucket ANOTHER-NAME'],
        })
      : explainS3Failure(failure, {action: 's3:CreateBucket', bucket: config.bucket, key: null, region: config.region, endpoint: config.endpoint})
  } finally {
    client.destroy()
  }
}
