import {expect} from 'chai'
import fs from 'node:fs'
import {tmpdir} from 'node:os'
import {setTimeout as delay} from 'node:timers/promises'
import {s3Bucket, type S3Bucket} from '../../../src/lib/bucket/s3-bucket.ts'
import type {NixError} from '../../../src/lib/errors.ts'
import {collect, planCollection} from '../../../src/lib/gc/collect.ts'
import type {SweepPlan} from '../../../src/lib/gc/plan-sweep.ts'
import {removeTree} from '../../../src/lib/view/remove.ts'
import {serve, type Served} from '../../lib/bucket/served.ts'
import {clockedBucket} from '../../lib/gc/support/clocked-bucket.ts'
import {useCeph} from '../../support/ceph.ts'
import {APP, expectWhole, HOUR, NEWEST, OLD} from './history.ts'
import {playBuild} from './play-build.ts'

function sweepsOf(bucketOf: () => S3Bucket): void {
  let folder = ''
  before(() => {
    folder = fs.mkdtempSync(`${tmpdir()}/gc-s3-`)
  })
  after(() => removeTree(folder))

  const build = (id: string, tree: string, paths: typeof OLD) => playBuild({
    bucket: bucketOf(), app: APP, id, tree, paths, folder: fs.mkdtempSync(`${folder}/`), now: () => new Date(), wait: ms => delay(ms),
  })
  const sweep = (plan: SweepPlan, name: string, onProgress: () => void = () => undefined) => collect(bucketOf(), plan, {
    sweep: name, now: () => new Date(), elapsed: () => performance.now(), signal: new AbortController().signal, onProgress,
  })

  it('takes what goes, keeps what stays, and lets nobody else sweep meanwhile', async () => {
    const bucket = bucketOf()
    expect(await build('20261101-000000-aaaa', '1', OLD)).to.equal(0)
    expect(await build('20261101-010000-aaaa', '2', NEWEST)).to.equal(0)
    // Three days later, as far as ages go.
    const plan = await planCollection(bucket, {app: APP, keep: 1, keepPushes: null, released: new Map(), toolbox: null, now: new Date(Date.now() + 72 * HOUR), onLook: () => undefined})
    const seconds: Promise<string | null>[] = []
    const swept = await sweep(plan, 'first', () => {
      if (seconds.length === 0) seconds.push(sweep(plan, 'second').then(() => null, (error: unknown) => (error as NixError).code))
    })
    expect(await Promise.all(seconds)).to.deep.equal(['SWEEP_RUNNING'])
    expect(swept).to.include({spared: 0, complete: true})
    const left = clockedBucket({now: new Date()})
    for await (const {key} of bucket.list('')) left.objects.set(key, {bytes: (await bucket.read(key, {maxBytes: 2 ** 20}))?.bytes ?? Buffer.alloc(0), modifiedAt: new Date()})
    await expectWhole(left, ['20261101-010000-aaaa'], 'afterwards')
    expect([...left.objects.keys()].filter(key => key.endsWith('.narinfo'))).to.deep.equal([`${'d'.repeat(32)}.narinfo`])
    expect([...left.objects.keys()].filter(key => key.startsWith('nar/'))).to.have.length(1)
  })
}

describe('sweeping a bucket', function () {
  this.timeout(60_000)
  describe('of Ceph', () => {
    const ceph = useCeph()
    let bucket: S3Bucket
    before(() => {
      const {endpoint, region, key, secret, bucket: name} = ceph()
      bucket = s3Bucket({endpoint, region, key, secret, bucket: name})
    })
    after(() => (bucket as S3Bucket | undefined)?.close())
    sweepsOf(() => bucket)
  })

  describe('of the embedded server', () => {
    let served: Served
    before(async () => {
      served = await serve()
    })
    after(() => served.close())
    sweepsOf(() => served.bucket)
  })
})
