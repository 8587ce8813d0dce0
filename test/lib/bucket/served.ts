import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {s3Bucket, type S3Bucket, type S3BucketOptions} from '../../../src/lib/bucket/s3-bucket.ts'
import type {BucketConfig} from '../../../src/lib/config-vars.ts'
import {startBucket} from '../../../standin/bucket/bucket-server.ts'
import type {BucketServer, FaultProxy} from '../../../standin/bucket/contract.ts'
import {startFaultProxy} from '../../../standin/bucket/fault-proxy.ts'

/** The embedded S3 server behind a proxy that fails on request, and a client of ours. */
export interface Served {
  dir: string
  server: BucketServer
  faults: FaultProxy
  bucket: S3Bucket
  config: BucketConfig
  /** Puts the server's clock so many milliseconds off the real one; more than 15 minutes, and it refuses requests. */
  shiftClock(ms: number): void
  /** Another client, with other settings. */
  client(change: Partial<BucketConfig>, options?: S3BucketOptions): S3Bucket
  close(): Promise<void>
}

export async function serve(): Promise<Served> {
  const dir = await mkdtemp(join(tmpdir(), 'nix-bucket-'))
  let shift = 0
  const server = await startBucket({clock: () => new Date(Date.now() + shift), dir: join(dir, 'objects'), port: 0, bucket: 'example-bucket', region: 'eu-west-1'})
  const faults = await startFaultProxy({target: server.endpoint})
  const config: BucketConfig = {bucket: server.bucket, key: server.key, secret: server.secret, region: server.region, endpoint: faults.endpoint}
  const clients: S3Bucket[] = []
  const client = (change: Partial<BucketConfig>, options: S3BucketOptions = {}) => {
    const made = s3Bucket({...config, ...change}, {idleTimeoutMs: 3000, ...options})
    clients.push(made)
    return made
  }

  return {
    dir, server, faults, config, client,
    bucket: client({}),
    shiftClock(ms) {
      shift = ms
    },
    async close() {
      clients.forEach(each => each.close())
      await faults.close()
      await server.close()
      await rm(dir, {recursive: true})
    },
  }
}
