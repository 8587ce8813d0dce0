import {cephObstacle, startCeph} from '../../standin/bucket/ceph.ts'
import {s3Bucket, type S3Bucket} from '../../src/lib/bucket/s3-bucket.ts'
import type {BucketConfig} from '../../src/lib/config-vars.ts'
import {serveBucket} from '../../test/support/served-bucket.ts'
import type {BenchContext} from '../bench.ts'

/** A bucket for a benchmark, in processes of its own. */
export interface BenchBucket extends AsyncDisposable {
  config: BucketConfig
  bucket: S3Bucket
  /** which S3 server it is, for people */
  origin: string
}

const NAME = 'bench'

/** Ceph's gateway where it can run, else the stand-in's own S3 server. */
export async function startBenchBucket({scratch, say}: BenchContext): Promise<BenchBucket> {
  const obstacle = await cephObstacle()
  if (obstacle === null) {
    say('starting an S3 server: Ceph')
    const ceph = await startCeph({dir: `${scratch}/ceph`})
    await ceph.createBucket(NAME)
    const {endpoint, region, key, secret} = ceph
    return benchBucket({endpoint, region, key, secret, bucket: NAME}, 'Ceph RADOS Gateway on loopback, one OSD', () => ceph.close())
  }

  say(`starting an S3 server: the stand-in's (${obstacle.message})`)
  const served = await serveBucket({dir: `${scratch}/bucket`, port: 0, bucket: NAME, region: 'us-east-1'})
  const {endpoint, region, key, secret} = served
  return benchBucket({endpoint, region, key, secret, bucket: NAME}, 'the stand-in\'s S3 server on loopback', () => served.kill())
}

function benchBucket(config: BucketConfig, origin: string, close: () => Promise<void>): BenchBucket {
  const bucket = s3Bucket(config)
  return {
    config, bucket, origin,
    async [Symbol.asyncDispose]() {
      bucket.close()
      await close()
    },
  }
}
