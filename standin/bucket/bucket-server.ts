import {StandinError} from '../errors.ts'
import type {BucketOptions, BucketServer} from './contract.ts'

/** Starts an S3 server on 127.0.0.1 that is as strict as AWS or stricter, with one bucket in it. */
export function startBucket({bucket}: BucketOptions): Promise<BucketServer> {
  return Promise.reject(new StandinError(`The bucket ${bucket} cannot be served yet.`))
}
