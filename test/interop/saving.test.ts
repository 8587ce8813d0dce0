import {expect} from 'chai'
import fs from 'node:fs'
import {tmpdir} from 'node:os'
import {startClosureCache} from '../../src/dyno/cache/closure-cache.ts'
import {s3Bucket, type S3Bucket} from '../../src/lib/bucket/s3-bucket.ts'
import {decompressor} from '../../src/lib/closure/compression.ts'
import {hashAll} from '../../src/lib/closure/content-hash.ts'
import {smallStore} from '../dyno/cache/small-store.ts'
import {narInfosOf} from '../dyno/cache/support.ts'
import {OWN_KEY} from '../lib/closure/support/narinfos.ts'
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
})
