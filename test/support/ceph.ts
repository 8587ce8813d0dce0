import {randomBytes} from 'node:crypto'
import {readdir, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {cephObstacle, startCeph} from '../../standin/bucket/ceph.ts'
import type {Ceph} from '../../standin/bucket/contract.ts'
import type {BucketAccess} from './s3.ts'

const PREFIX = 'heroku-nix-ceph-'
const START_TIMEOUT_MS = 120_000

let cluster: Promise<Ceph> | undefined

// A root hook: one cluster serves every file of a run that asks for one.
after('ends Ceph', async function () {
  this.timeout(START_TIMEOUT_MS)
  await (await cluster?.catch(() => undefined))?.close()
})

export interface CephBucket extends BucketAccess {
  cluster: Ceph
}

/**
 * To be called in a `describe`: its tests get a bucket of their own in a real S3 server, Ceph's gateway. Where Ceph
 * cannot run they are skipped with the reason, but in CI they fail.
 */
export function useCeph(): () => CephBucket {
  let access: CephBucket | undefined
  before('starts Ceph', async function () {
    this.timeout(START_TIMEOUT_MS)
    const obstacle = await cephObstacle()
    if (obstacle) {
      const reason = [obstacle.message, ...obstacle.advice].join(' ')
      if (process.env['CI'] === 'true') {
        throw new Error(reason, {cause: obstacle})
      }

      console.error(`\n  SKIPPED: ${this.test?.parent?.fullTitle() ?? 'tests against Ceph'}\n  ${reason}\n`)
      this.skip()
    }

    cluster ??= start()
    const ceph = await cluster
    const bucket = `test-${randomBytes(6).toString('hex')}`
    await ceph.createBucket(bucket)
    access = {endpoint: ceph.endpoint, region: ceph.region, key: ceph.key, secret: ceph.secret, bucket, cluster: ceph}
  })

  return () => {
    if (!access) {
      throw new Error('useCeph() gives its bucket to tests and hooks, not to the code that describes them.')
    }

    return access
  }
}

async function start(): Promise<Ceph> {
  const left = (await readdir(tmpdir())).filter(name => name.startsWith(PREFIX) && !isAlive(Number(name.slice(PREFIX.length))))
  await Promise.all(left.map(name => rm(join(tmpdir(), name), {recursive: true})))
  return startCeph({dir: join(tmpdir(), `${PREFIX}${process.pid}`)})
}

/** False for the process id in the name of a folder that a killed run left behind. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
