import {expect} from 'chai'
import fs from 'node:fs'
import {tmpdir} from 'node:os'
import {setImmediate as turn} from 'node:timers/promises'
import {keys} from '../../../src/lib/bucket/keys.ts'
import {recordStore} from '../../../src/lib/build/record-store.ts'
import {collect} from '../../../src/lib/gc/collect.ts'
import {findBuilt} from '../../../src/lib/order/find-built.ts'
import {removeTree} from '../../../src/lib/view/remove.ts'
import {KEY} from '../../lib/build/records.ts'
import {seenBy, type Clock, type ClockedBucket} from '../../lib/gc/support/clocked-bucket.ts'
import {APP, buildId, copyOf, expectWhole, history, OLD, plan} from './history.ts'
import {playBuild, type Made} from './play-build.ts'

/** Something that goes on during a sweep. @param wait for what waits for the sweep */
type Act = (bucket: ClockedBucket, wait: () => Promise<void>) => Promise<number>

/** What a build during the sweep reuses of the old one, and what it makes itself. */
const REUSING: Made[] = [...OLD.slice(0, 3), {letter: 'f', references: ['c'], runTime: true}]
const ID = buildId(72, 'rrrr')

/** `1`: every race there is, which takes half an hour; `3/50`: the third of 50 parts of them. */
const WHOLE = process.env['WHOLE_RACE'] ?? ''

describe('a build while the bucket is swept', function () {
  this.timeout(WHOLE === '' ? 120_000 : 0)
  const clock: Clock = {now: new Date(0)}
  let folder = ''
  let before72: ClockedBucket
  before(async () => {
    folder = fs.mkdtempSync(`${tmpdir()}/gc-race-`)
    before72 = await history(clock, folder)
  })
  after(() => removeTree(folder))

  async function build(bucket: ClockedBucket, wait: () => Promise<void>): Promise<number> {
    const own = fs.mkdtempSync(`${folder}/`)
    return playBuild({bucket, app: APP, id: ID, tree: '1', paths: REUSING, folder: own, now: () => clock.now, wait}).finally(() => removeTree(own))
  }

  /**
   * Sweeps, and plays a build that begins before request `start` of the sweep and stands still before its own request `pause`
   * until request `resume` of the sweep.
   * @param options.act in place of that build
   */
  async function race(bucket: ClockedBucket, {start, pause = Infinity, resume = start, act = build}: {start: number; pause?: number; resume?: number; act?: Act}) {
    const requests = {sweep: 0, build: 0}
    let isOver = false
    let waited = false
    const builds: Promise<number>[] = []
    /** Lets the build go on. */
    let release: () => void = () => undefined
    /** Lets the sweep go on: the build has ended, or waits for it, or stands still. */
    let yieldToSweep: () => void = () => undefined

    let isHeld = false
    const held = () => new Promise<void>(resolve => {
      isHeld = true
      release = () => {
        isHeld = false
        resolve()
      }
      yieldToSweep()
    })
    const ofBuild = seenBy(bucket, clock, async () => {
      requests.build += 1
      if (requests.build === pause && !isOver) await held()
    })
    const wait = async () => {
      if (isOver) return turn()
      waited = true
      return held()
    }
    const begin = () => {
      const acting = act(ofBuild, wait)
      builds.push(acting)
      void acting.catch(() => undefined).finally(() => yieldToSweep())
    }

    async function letBuild(act: () => void): Promise<void> {
      const yielded = new Promise<void>(resolve => {
        yieldToSweep = resolve
      })
      act()
      await yielded
    }

    const ofSweep = seenBy(bucket, clock, async () => {
      requests.sweep += 1
      if (requests.sweep === start) await letBuild(begin)
      else if (requests.sweep === resume && isHeld && !waited) await letBuild(() => release())
    })
    const planned = await plan(ofSweep, clock)
    const swept = await collect(ofSweep, planned, {sweep: 'one', now: () => clock.now, elapsed: () => 0, onProgress: () => undefined, signal: new AbortController().signal})
    isOver = true
    if (builds.length === 0) begin()
    release()
    expect(await Promise.all(builds)).to.deep.equal([0])
    return {requests, waited, swept, kept: [...planned.kept.builds.keys(), ID]}
  }

  it('loses nothing of what it relies on, whichever request of the sweep it comes before', async () => {
    const alone = await race(copyOf(before72, clock), {start: Infinity})
    expect(alone.swept.objects).to.be.greaterThan(15)
    expect(alone.requests.sweep).to.be.greaterThan(30)
    let waits = 0
    for (let start = 1; start <= alone.requests.sweep; start += 1) {
      const bucket = copyOf(before72, clock)
      const {waited, swept, kept} = await race(bucket, {start})
      await expectWhole(bucket, kept, `started before request ${start}`)
      expect(bucket.objects.has(keys.narinfo('x'.repeat(32))), `x goes in any case; ${start}`).to.equal(false)
      expect(swept.complete).to.equal(true)
      if (waited) waits += 1
    }

    expect(waits, 'some of these builds had to wait').to.be.greaterThan(10)
  })

  it('is not needed where the old one is found, which then stays with all that it needs; before which request that is looked for', async () => {
    const tree = '1'.repeat(40)
    const finds: (string | null)[] = []
    const find: Act = async (bucket, wait) => {
      const records = recordStore(bucket, APP)
      const {source: {sha256}, buildFlags} = (await recordStore(before72, APP).require(buildId(0))).record
      const wanted = {tree, sha256, config: {appName: APP, buildFlags, engine: 'auto' as const}}
      finds.push((await findBuilt({records, bucket, key: KEY.publicKey, waiting: {now: () => clock.now, wait}}, wanted))?.id ?? null)
      return 0
    }
    const {requests} = await race(copyOf(before72, clock), {start: Infinity, act: find})
    const outcomes = new Set<string | null>()
    for (let start = 1; start <= requests.sweep; start += 1) {
      for (let pause = 1; pause <= requests.build + 3; pause += 1) {
        const bucket = copyOf(before72, clock)
        await race(bucket, {start, pause, resume: start + pause, act: find})
        const found = finds.at(-1) ?? null
        outcomes.add(found)
        await expectWhole(bucket, [buildId(1), ...(found === null ? [] : [found])], `looked for before ${start}, paused before its ${pause}`)
      }
    }

    expect([...outcomes].sort()).to.deep.equal([buildId(0), null])
  })

  it('loses nothing either when it stands still in the middle while the sweep goes on', async () => {
    const {requests} = await race(copyOf(before72, clock), {start: Infinity})
    const [, shard, shards] = /^(\d+)\/(\d+)$/.exec(WHOLE) ?? ['', '1', '1']
    const stride = WHOLE === '' ? 5 : 1
    for (let start = 1; start <= requests.sweep; start += WHOLE === '' ? stride * 3 : 1) {
      if (start % Number(shards) !== Number(shard) % Number(shards)) continue
      for (let pause = 1; pause <= requests.build; pause += stride) {
        for (let resume = start + 1; resume <= requests.sweep + 1; resume += stride * 2 - 1) {
          const bucket = copyOf(before72, clock)
          const {kept} = await race(bucket, {start, pause, resume})
          await expectWhole(bucket, kept, `started before ${start}, paused before its ${pause}, went on before ${resume}`)
        }
      }
    }
  })
})
