import {expect} from 'chai'
import fs from 'node:fs'
import {after, afterEach, before, describe, it} from 'mocha'
import {s3Bucket, type S3Bucket} from '../../src/lib/bucket/s3-bucket.ts'
import {findPaths, type FoundPath} from '../../src/lib/restore/find-paths.ts'
import {PART_SIZE} from '../../src/lib/restore/ranged-object.ts'
import {restoreTree} from '../../src/lib/restore/restore-tree.ts'
import {makeModesCanonical} from '../../src/lib/view/canonical-modes.ts'
import type {FaultEffect, FaultProxy} from '../../standin/bucket/contract.ts'
import {startFaultProxy} from '../../standin/bucket/fault-proxy.ts'
import {OWN_KEY} from '../lib/closure/support/narinfos.ts'
import {describeRefusals} from '../lib/restore/support/refusals.ts'
import {save} from '../lib/restore/support/saved-store.ts'
import {describeTree} from '../lib/slug/trees.ts'
import {makeTrees, type TestTrees} from '../lib/view/support/trees.ts'
import {useCeph} from '../support/ceph.ts'
import {randomNumbers} from '../support/random.ts'

const NAMES = [`${'p'.repeat(32)}-parts`, `${'q'.repeat(32)}-small`]
/** Of each range of the NAR of several parts; findPaths has read all narinfos by then. */
const NAR = /\/nar\//

describe('restoring out of Ceph', function () {
  this.timeout(60_000)
  const ceph = useCeph()
  let trees: TestTrees
  let faults: FaultProxy
  let bucket: S3Bucket
  let found: FoundPath[]

  before(async () => {
    const {endpoint, ...access} = ceph()
    trees = makeTrees()
    faults = await startFaultProxy({target: endpoint})
    bucket = s3Bucket({endpoint: faults.endpoint, region: access.region, bucket: access.bucket, key: access.key, secret: access.secret}, {attempts: 3, idleTimeoutMs: 1000})
    for (const [n, name] of NAMES.entries()) {
      fs.mkdirSync(`${trees.canonical}/${name}`)
      fs.writeFileSync(`${trees.canonical}/${name}/noise`, noise(n === 0 ? 3.5 * PART_SIZE : 1000))
      makeModesCanonical(`${trees.canonical}/${name}`)
      await save(bucket, trees.canonical, name, {compression: n === 0 ? 'none' : 'zstd'})
    }

    found = await findPaths(bucket, NAMES.map(name => ({path: `/nix/store/${name}`})), {trusted: [OWN_KEY.publicKey]})
  })
  afterEach(() => (faults as FaultProxy | undefined)?.clear())
  after(async () => {
    if (!(faults as FaultProxy | undefined)) return
    bucket.close()
    await faults.close()
    trees[Symbol.dispose]()
  })

  describeRefusals(() => ({bucket, trees}))

  const passing: [what: string, effect: FaultEffect, times: number][] = [
    ['answers 503 twice', {kind: 'status', status: 503}, 2],
    ['breaks off before its answer', {kind: 'reset-response', afterBytes: 0}, 1],
    ['breaks off in the middle of a part, three times', {kind: 'reset-response', afterBytes: 300_000}, 3],
    ['stalls', {kind: 'stall'}, 1],
  ]
  for (const [what, effect, times] of passing) {
    it(`gets all of it from one that ${what}`, async () => {
      faults.inject({method: 'GET', path: NAR, times, effect})
      const folder = `${trees.root}/${what}`
      await restoreTree(bucket, found, {folder, rules: null, threads: 2})
      expect(await describeTree(folder)).to.deep.equal((await describeTree(trees.canonical)).filter(line => NAMES.some(name => line.includes(name))))
    })
  }

  const lasting: [what: string, effect: FaultEffect][] = [
    ['answers 503', {kind: 'status', status: 503}], ['breaks off', {kind: 'reset-response', afterBytes: 0}], ['stalls', {kind: 'stall'}],
  ]
  for (const [what, effect] of lasting) {
    it(`gives up in time, names the bucket and leaves nothing unfinished where it ${what} for ever`, async () => {
      faults.inject({method: 'GET', path: new RegExp(found[0]?.narKey ?? ''), times: Infinity, effect})
      const folder = `${trees.root}/${what}-for-ever`
      const error = await restoreTree(bucket, found, {folder, rules: null, threads: 2}).catch((reason: unknown) => reason)
      expect(error).to.be.an('error')
      expect((error as Error).message).to.match(new RegExp(`bucket ${bucket.name}`, 'i'))
      expect(fs.readdirSync(folder).filter(name => name !== NAMES[1])).to.deep.equal([])
    })
  }
})

/** The same each time, and nothing compresses it. */
function noise(size: number): Buffer {
  const random = randomNumbers(1)
  return Buffer.from(Uint8Array.from({length: size}, () => random() * 256))
}
