import {expect} from 'chai'
import fs from 'node:fs'
import {tmpdir} from 'node:os'
import {setTimeout as delay} from 'node:timers/promises'
import {startClosureCache} from '../../src/dyno/cache/closure-cache.ts'
import {patientBucket} from '../../src/lib/bucket/patient-bucket.ts'
import {s3Bucket, type S3Bucket} from '../../src/lib/bucket/s3-bucket.ts'
import {decompressor} from '../../src/lib/closure/compression.ts'
import {hashAll} from '../../src/lib/closure/content-hash.ts'
import {smallStore} from '../dyno/cache/small-store.ts'
import {startFaultProxy} from '../../standin/bucket/fault-proxy.ts'
import type {FaultEffect} from '../../standin/bucket/contract.ts'
import {narInfosOf} from '../dyno/cache/support.ts'
import {OWN_KEY} from '../lib/closure/support/narinfos.ts'
import {checkCache} from '../support/check-cache.ts'
import {useCeph} from '../support/ceph.ts'

describe('saving into Ceph', function () {
  this.timeout(60_000)
  const ceph = useCeph()
  let bucket: S3Bucket
  let folder: string
  beforeEach(() => {
    const {endpoint, region, key, secret, bucket: name} = ceph()
    bucket = s3Bucket({endpoint, region, key, secret, bucket: name})
    folder = fs.mkdtempSync(`${tmpdir()}/saving-`)
  })
  afterEach(() => {
    bucket.close()
    fs.rmSync(folder, {recursive: true})
  })

  it('stores what 32 builds save at once, each path once and whole', async () => {
    const shared = {name: 'shared', size: 9_000_000}
    const saved = await Promise.all(Array.from({length: 32}, async (_, n) => {
      const store = await smallStore(`${folder}/${n}`, [shared, {name: `p${n}`, size: 100_000 + n, references: ['shared']}])
      const cache = await startClosureCache({
        bucket, key: OWN_KEY, flags: [], upstream: 'skip', folder: `${folder}/${n}/spool`, hookFile: `${folder}/${n}/hook`, canonical: store.canonical, database: store.database,
        report: () => undefined, wait: () => Promise.resolve(), signal: new AbortController().signal,
      })
      cache.watch()
      store.register()
      return cache.finish().finally(() => cache.close())
    }))
    const ends = saved.flat()
    expect(ends.filter(({kind}) => kind === 'failed')).to.deep.equal([])
    expect(ends.filter(({path, kind}) => path.endsWith('-shared') && kind === 'saved')).to.have.length(1)
    const infos = [...(await narInfosOf(bucket)).values()]
    expect(infos).to.have.length(33)
    for (const info of infos) {
      const object = await bucket.stream(info.url)
      expect(await hashAll(object?.body.pipe(decompressor('zstd')) ?? []), info.storePath).to.deep.equal({hash: info.narHash, size: info.narSize})
    }
  })

  for (const [what, effect] of [
    ['is busy', {kind: 'status', status: 503, body: '<Error><Code>SlowDown</Code></Error>'}], ['resets connections', {kind: 'reset-request', afterBytes: 100}],
    ['loses its answers', {kind: 'lose-response'}], ['stalls', {kind: 'stall'}],
  ] as const satisfies [string, FaultEffect][]) {
    it(`leaves nothing out where it ${what}, small paths and one that goes in parts`, async () => {
      const {endpoint, region, key, secret, bucket: name} = ceph()
      const faults = await startFaultProxy({target: endpoint})
      const client = s3Bucket({endpoint: faults.endpoint, region, key, secret, bucket: name}, {attempts: 3, idleTimeoutMs: 1000})
      try {
        for await (const object of bucket.list('')) await bucket.delete([object.key])
        // Each refers to the one before it, every fourth to none.
        const store = await smallStore(`${folder}/faulty`, Array.from({length: 12}, (_, n) => ({name: `f${n}`, size: n === 5 ? 68_000_000 : 10_000 + n, references: n % 4 === 0 ? [] : [`f${n - 1}`]})))
        const patient = patientBucket(client, {waits: [0.01, 0.01], wait: seconds => delay(seconds * 1000)})
        const cache = await startClosureCache({
          bucket: patient, key: OWN_KEY, flags: [], upstream: 'skip', folder: `${folder}/spool`, hookFile: `${folder}/hook`, canonical: store.canonical, database: store.database,
          report: text => expect.fail(text), wait: ms => delay(ms), signal: new AbortController().signal,
        })
        faults.inject({method: 'PUT', path: /nar\//, times: 3, effect})
        faults.inject({method: 'PUT', path: /partNumber/, times: 2, effect})
        faults.inject({method: 'PUT', path: /narinfo/, times: 3, effect})
        cache.watch()
        store.register()
        const ends = await cache.finish().finally(() => cache.close())
        expect(ends.filter(({kind}) => kind !== 'saved' && kind !== 'there')).to.deep.equal([])
        // Whose answer was lost finds its narinfo there; where this machine is busy, an answer may come too late for any.
        if (effect.kind === 'lose-response') expect(ends.some(({kind}) => kind === 'there')).to.equal(true)
        const {infos, faults: wrong} = await checkCache(bucket, {trusted: OWN_KEY.publicKey})
        expect(wrong).to.deep.equal([])
        expect([...infos.keys()].sort()).to.deep.equal([...store.paths].sort())
      } finally {
        client.close()
        await faults.close()
      }
    })
  }
})
