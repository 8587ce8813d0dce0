import {expect} from 'chai'
import {createHash} from 'node:crypto'
import fs from 'node:fs'
import {tmpdir} from 'node:os'
import {gzipSync} from 'node:zlib'
import {keys} from '../../../src/lib/bucket/keys.ts'
import {recordStore} from '../../../src/lib/build/record-store.ts'
import {signNarInfo} from '../../../src/lib/closure/narinfo-signature.ts'
import {printNarInfo} from '../../../src/lib/closure/narinfo.ts'
import type {NixError} from '../../../src/lib/errors.ts'
import {collect} from '../../../src/lib/gc/collect.ts'
import {goingOf} from '../../../src/lib/gc/describe-plan.ts'
import {keepBuild} from '../../../src/lib/gc/keep-build.ts'
import type {SweepPlan} from '../../../src/lib/gc/plan-sweep.ts'
import {noteRelease} from '../../../src/lib/gc/release-notes.ts'
import {releasedBuilds} from '../../../src/lib/gc/released-builds.ts'
import {SWEEP_LEASE} from '../../../src/lib/gc/sweep-mark.ts'
import type {Swept} from '../../../src/lib/gc/sweep.ts'
import {findLayer, noteLayer} from '../../../src/lib/layers/noted-layers.ts'
import {findBuilt} from '../../../src/lib/order/find-built.ts'
import type {Platform} from '../../../src/lib/platform/platform.ts'
import type {Release, SlugInfo} from '../../../src/lib/platform/types.ts'
import {noteToolbox} from '../../../src/lib/setup/upload-toolbox.ts'
import {ensureToolbox} from '../../../src/lib/tools/ensure-toolbox.ts'
import {formatPinnedTools, parseToolsLock} from '../../../src/lib/tools/lock.ts'
import {makeToolbox} from '../../../src/lib/tools/toolbox.ts'
import {removeTree} from '../../../src/lib/view/remove.ts'
import {KEY} from '../../lib/build/records.ts'
import {narInfo, OTHER_KEY} from '../../lib/closure/support/narinfos.ts'
import {clockedBucket, seenBy, type Clock, type ClockedBucket} from '../../lib/gc/support/clocked-bucket.ts'
import {APP, at, buildId, copyOf, expectConsistent, expectWhole, history, NEWEST, OLD, plan, playAt} from './history.ts'

const narinfo = (letter: string) => keys.narinfo(letter.repeat(32))

describe('sweeping the bucket', function () {
  this.timeout(60_000)
  const clock: Clock = {now: new Date(0)}
  let folder = ''
  let past: ClockedBucket
  let bucket: ClockedBucket
  before(async () => {
    folder = fs.mkdtempSync(`${tmpdir()}/gc-sweep-`)
    past = await history(clock, folder)
  })
  beforeEach(() => {
    clock.now = at(72)
    bucket = copyOf(past, clock)
  })
  after(() => removeTree(folder))

  async function sweepAll(of = bucket, options: Parameters<typeof plan>[2] = {}, {elapsed = () => 0, signal = new AbortController().signal}: {elapsed?: () => number; signal?: AbortSignal} = {}): Promise<Swept> {
    return collect(of, await plan(of, clock, options), {sweep: `sweep-${String(++sweeps)}`, now: () => clock.now, elapsed, onProgress: () => undefined, signal})
  }

  let sweeps = 0
  const refusal = async (act: Promise<unknown>) => act.then(() => null, (error: unknown) => (error as NixError).code)
  const narinfos = (of = bucket) => [...of.objects.keys()].filter(key => key.endsWith('.narinfo')).map(key => key.slice(0, 1)).sort().join('')

  it('takes what only the builds needed that go, and a second time nothing', async () => {
    const planned = await plan(bucket, clock)
    expect([...planned.kept.builds]).to.deep.equal([[buildId(1), {kind: 'newest'}]])
    const swept = await sweepAll()
    expect(narinfos()).to.equal('d')
    expect(await recordStore(bucket, APP).read(buildId(0))).to.equal(null)
    expect(bucket.objects.has(keys.source(APP, '1'.repeat(40)))).to.equal(false)
    await expectWhole(bucket, [buildId(1)], 'afterwards')
    const size = (of: ClockedBucket) => [...of.objects.values()].reduce((sum, {bytes}) => sum + bytes.length, 0) - (of.objects.get(keys.sweep)?.bytes.length ?? 0)
    expect(swept).to.deep.equal({objects: past.objects.size - bucket.objects.size + 1, bytes: size(past) - size(bucket), spared: 0, complete: true})
    expect(await sweepAll()).to.deep.equal({objects: 0, bytes: 0, spared: 0, complete: true})
  })

  it('takes nothing that is younger than 48 hours', async () => {
    clock.now = new Date(at(48).getTime() - 1)
    expect(await sweepAll()).to.include({objects: 0})
    clock.now = at(48)
    // Of the first build alone: the second one is an hour younger, and stays anyway.
    expect((await sweepAll()).objects).to.be.greaterThan(0)
    expect(narinfos()).to.equal('d')
  })

  it('keeps as many builds as asked for, released ones, and what other apps have', async () => {
    const third = await playAt(bucket, clock, 2, {folder, tree: '3', paths: [{letter: 'g', runTime: true}], app: 'other-app'})
    clock.now = at(72)
    await sweepAll(bucket, {released: new Map([[buildId(0), 'v7']])})
    expect(narinfos()).to.equal('abcdgx')
    await sweepAll(bucket, {keep: 2})
    expect(narinfos()).to.equal('abcdgx')
    await sweepAll()
    expect(narinfos()).to.equal('dg')
    await expectWhole(bucket, [third], 'the other app', 'other-app')
  })

  it('keeps what another app at Heroku released of the builds that both share', async () => {
    await noteRelease(bucket, {app: APP, herokuApp: 'production', build: buildId(0)})
    clock.now = at(200)
    expect([...(await plan(bucket, clock)).kept.builds]).to.deep.equal([[buildId(1), {kind: 'newest'}], [buildId(0), {kind: 'released', by: 'production'}]])
    await sweepAll()
    await expectWhole(bucket, [buildId(0), buildId(1)], 'afterwards')
    // It released another one since.
    await noteRelease(bucket, {app: APP, herokuApp: 'production', build: buildId(1)})
    await sweepAll()
    expect(narinfos()).to.equal('d')
  })

  it('finds a released build by its tree and commit, where a newer build of these goes', async () => {
    const again = await playAt(bucket, clock, 2, {folder, tree: '1', paths: OLD.slice(0, 3)})
    const newest = await playAt(bucket, clock, 3, {folder, tree: '4', paths: NEWEST})
    clock.now = at(72)
    await sweepAll(bucket, {released: new Map([[buildId(0), 'v7']])})
    const records = recordStore(bucket, APP)
    expect(await records.read(again)).to.equal(null)
    for (const pointer of [{tree: '1'.repeat(40)}, {commit: '1'.repeat(40)}]) expect(await records.pointed(pointer)).to.equal(buildId(0))
    expect(await records.pointed('newest')).to.equal(newest)
    await expectWhole(bucket, [buildId(0), newest], 'afterwards')
  })

  it('keeps pushes, unless told how many', async () => {
    await bucket.put(keys.push(APP, '1'.repeat(64)), Buffer.from(`${'c'.repeat(32)}-c\n`))
    clock.now = at(200)
    await bucket.put(keys.push(APP, '2'.repeat(64)), Buffer.from(`${'b'.repeat(32)}-b\n`))
    clock.now = at(300)
    await sweepAll()
    expect(narinfos()).to.equal('abcd')
    await sweepAll(bucket, {keepPushes: 1})
    expect(narinfos()).to.equal('abd')
    expectConsistent(bucket, 'afterwards')
  })

  it('leaves alone what is not ours: signed by others alone, or unknown', async () => {
    const foreign = signNarInfo(narInfo({storePath: `/nix/store/${'h'.repeat(32)}-h`, url: 'nar/h.nar.xz', references: [`/nix/store/${'a'.repeat(32)}-a`]}), OTHER_KEY)
    clock.now = at(1)
    await bucket.put('nar/h.nar.xz', Buffer.from('a NAR'))
    await bucket.put(narinfo('h'), Buffer.from(printNarInfo(foreign)))
    await bucket.put('my-backup.tar', Buffer.from('not ours'))
    // Larger than builds take, and than a sweep reads.
    await bucket.put(narinfo('j'), Buffer.alloc(17 * 1024 ** 2, 'x'))
    await bucket.put(narinfo('i'), Buffer.from(`no narinfo\nURL: nar/h.nar.xz\nReferences: ${'b'.repeat(32)}-b\n`))
    clock.now = at(72)
    await sweepAll()
    expect([...bucket.objects.keys()]).to.include.members(['my-backup.tar', 'nar/h.nar.xz', narinfo('h'), narinfo('i'), narinfo('a'), narinfo('b')])
    expect(narinfos()).to.equal('abdhij')
  })

  it('leaves what a Nix has written since it looked, and all that this refers to, although that was not touched', async () => {
    const planned = await plan(bucket, clock)
    const url = /^URL: (.*)$/m.exec(bucket.objects.get(narinfo('x'))?.bytes.toString() ?? '')?.[1] ?? ''
    const foreign = signNarInfo(narInfo({storePath: `/nix/store/${'h'.repeat(32)}-h`, url, references: [`/nix/store/${'b'.repeat(32)}-b`]}), OTHER_KEY)
    await bucket.put(narinfo('h'), Buffer.from(printNarInfo(foreign)))
    const swept = await collect(bucket, planned, {sweep: 's', now: () => clock.now, elapsed: () => 0, onProgress: () => undefined, signal: new AbortController().signal})
    expect(narinfos()).to.equal('abdh')
    expectConsistent(bucket, 'afterwards')
    expect(swept.spared).to.equal(2)
  })

  describe('and what somebody began to use again since it looked', () => {
    const waiting = {now: () => clock.now, wait: () => Promise.resolve()}
    const sweepPlanned = (planned: SweepPlan) =>
      collect(bucket, planned, {sweep: 's', now: () => clock.now, elapsed: () => 0, onProgress: () => undefined, signal: new AbortController().signal})

    it('leaves a build whose tree is to be built again, with all that it needs', async () => {
      const planned = await plan(bucket, clock)
      expect(planned.builds.map(({id}) => id)).to.deep.equal([buildId(0)])
      const records = recordStore(bucket, APP)
      const {record} = await records.require(buildId(0))
      if (record.state !== 'succeeded') throw new Error(record.state)
      const config = {appName: APP, buildFlags: record.buildFlags, engine: 'auto' as const}
      const found = await findBuilt({records, bucket, key: KEY.publicKey, waiting}, {...record.source, config})
      expect(found?.id).to.equal(buildId(0))
      await sweepPlanned(planned)
      await expectWhole(bucket, [buildId(0), buildId(1)], 'both')
      const {outcome: {closure, layer}, source} = record
      const needed = [keys.record(APP, record.id), layer.key, keys.source(APP, source.tree), ...closure.map(({path}) => keys.narinfo(path.slice(11, 43)))]
      expect(needed.filter(key => !bucket.objects.has(key))).to.deep.equal([])
      // The next sweep knows of it, and the one after two days does not.
      await sweepAll()
      expect(needed.filter(key => !bucket.objects.has(key))).to.deep.equal([])
      clock.now = at(72 + 49)
      await sweepAll()
      expect(needed.filter(key => bucket.objects.has(key))).to.deep.equal([])
    })

    it('says so where it came too late', async () => {
      await sweepAll()
      const error = await keepBuild(bucket, {app: APP, id: buildId(0)}, waiting).then(() => null, (error: unknown) => error as NixError)
      expect(error).to.include({code: 'BUILD_SWEPT', message: `Build ${buildId(0)} was deleted by heroku nix:cache:gc just now.`})
    })

    it('leaves a layer that was pruned anew, and what is said of it', async () => {
      const bytes = gzipSync('pruned')
      const digest = 'e'.repeat(64)
      const layer = {key: keys.layer(digest), digest, sha256: '1'.repeat(64), size: bytes.length, unpackedSize: 6}
      clock.now = at(1)
      await bucket.put(layer.key, bytes)
      await noteLayer(bucket, layer, KEY)
      clock.now = at(72)
      const planned = await plan(bucket, clock)
      expect(planned.layers.map(({key}) => key)).to.include.members([layer.key, keys.layerNote(digest, KEY.publicKey.name)])
      const find = () => findLayer(bucket, {digest, key: KEY.publicKey, onRefused: reason => expect.fail(reason), waiting})
      expect(await find()).to.deep.equal(layer)
      await sweepPlanned(planned)
      expect(await find()).to.deep.equal(layer)
      clock.now = at(72 + 49)
      await sweepAll()
      expect(await find()).to.equal(null)
    })
  })

  describe('and what dynos start from', () => {
    const lockOf = (...tools: string[]) => Buffer.from(formatPinnedTools({tools: tools.map(sha256 => ({name: 'nix' as const, version: '2.34.8', sha256, size: 1, format: 'tar.xz' as const, url: 'x'}))}))
    const digest = (letter: string) => letter.repeat(64)
    async function putToolbox(letter: string, lock: Buffer): Promise<void> {
      await bucket.put(keys.toolbox(digest(letter), 'tools.lock.json'), lock)
      for (const file of ['dyno.mjs', 'version', 'loader.sh'] as const) await bucket.put(keys.toolbox(digest(letter), file), Buffer.from(`${file} ${letter}`))
    }

    const left = () => [...bucket.objects.keys()].map(key => /^heroku\/toolbox\/(tools\/)?(\w)/.exec(key)).filter(found => found !== null).map(([, kind, letter]) => kind === undefined ? letter : `tool ${letter}`)
    const kinds = () => [...new Set(left())].sort().join(', ')

    beforeEach(async () => {
      clock.now = at(1)
      for (const letter of '0123') await bucket.put(keys.tool(digest(letter)), Buffer.from(`tool ${letter}`))
      // a: nobody's; b: the app's own; c: noted by another app; d: a build's
      await putToolbox('a', lockOf(digest('0'), digest('1')))
      await putToolbox('b', lockOf(digest('1')))
      await putToolbox('c', lockOf(digest('2')))
      await noteToolbox(bucket, {app: 'other-app', herokuApp: 'other-app-staging', digest: digest('c')})
      const {record, etag} = await recordStore(bucket, APP).require(buildId(1))
      await bucket.put(keys.record(APP, buildId(1)), Buffer.from(JSON.stringify({...record, toolbox: digest('d')})), {condition: {etag}})
      await putToolbox('d', lockOf(digest('3')))
      clock.now = at(72)
    })

    it('takes what nothing wanted names and no other toolbox shares', async () => {
      const swept = await sweepAll(bucket, {toolbox: digest('b')})
      expect(kinds()).to.equal('b, c, d, tool 1, tool 2, tool 3')
      expect(left().filter(letter => letter === 'b')).to.have.length(4)
      expect(swept.complete).to.equal(true)
      expect(goingOf(await plan(copyOf(past, clock), clock)).map(({kind}) => kind)).not.to.include('toolbox')
    })

    it('deletes a loader before what it loads', async () => {
      const {toolboxes} = await plan(bucket, clock, {toolbox: digest('b')})
      expect(toolboxes.map(({key}) => key.split('/').at(-1))).to.deep.equal(['loader.sh', 'dyno.mjs', 'tools.lock.json', 'version'])
    })

    it('leaves what is younger than 48 hours, the programs that it names included', async () => {
      await bucket.put(keys.toolbox(digest('a'), 'version'), Buffer.from('0.0.0'))
      await sweepAll(bucket, {toolbox: digest('b')})
      expect(kinds()).to.equal('a, b, c, d, tool 0, tool 1, tool 2, tool 3')
    })

    it('leaves every program where one toolbox that stays does not say what it needs', async () => {
      await bucket.put(keys.toolbox(digest('b'), 'tools.lock.json'), Buffer.from('{}'))
      await sweepAll(bucket, {toolbox: digest('b')})
      expect(kinds()).to.equal('b, c, d, tool 0, tool 1, tool 2, tool 3')
    })

    it('leaves what was begun to be used again since it looked', async () => {
      const tool = Buffer.from('tool 0')
      const sha256 = createHash('sha256').update(tool).digest('hex')
      const lock = parseToolsLock(JSON.stringify({version: 1, tools: (['nix', 'node'] as const).map(name => ({name, version: '2.34.8', sha256, size: tool.length, format: 'tar.xz', url: 'http://127.0.0.1:1/never'}))}), {from: new URL('file:///'), registry: 'x'})
      const toolbox = makeToolbox({lock, program: Buffer.from('program'), loaderTemplate: '@NODE_SHA256@ @PROGRAM_SHA256@ @LOCK_SHA256@'})
      clock.now = at(1)
      await bucket.put(keys.tool(sha256), tool)
      for (const {key, bytes} of toolbox.files) await bucket.put(key, bytes)
      clock.now = at(72)
      const planned = await plan(bucket, clock, {toolbox: digest('b')})
      expect(planned.tools.map(({key}) => key)).to.include(keys.tool(sha256))
      expect(await ensureToolbox(bucket, toolbox, {waiting: {now: () => clock.now, wait: () => Promise.resolve()}})).to.deep.equal({uploaded: false})
      await collect(bucket, planned, {sweep: 's', now: () => clock.now, elapsed: () => 0, onProgress: () => undefined, signal: new AbortController().signal})
      expect([keys.tool(sha256), ...toolbox.files.map(({key}) => key)].filter(key => !bucket.objects.has(key))).to.deep.equal([])
      expect(kinds()).to.include('b, c, d').and.not.to.include('tool 0')
    })
  })

  it('deletes nothing where a record cannot be read', async () => {
    await bucket.put(keys.record(APP, buildId(1)), Buffer.from('{"version": 2}'))
    const count = bucket.objects.size
    expect(await refusal(sweepAll())).to.equal('BAD_RECORD')
    expect(bucket.objects.size).to.equal(count)
  })

  it('deletes nothing where this machine\'s clock is ahead of the bucket\'s', async () => {
    const real = {now: at(10)}
    const theirs = copyOf(past, real)
    const count = theirs.objects.size
    expect(await refusal(sweepAll(theirs))).to.equal('CLOCK_SKEWED')
    expect(theirs.objects.size).to.equal(count + 1)
  })

  it('leaves everything whole wherever it is killed, keeps others out for half an hour, and then goes on', async () => {
    let requests = 0
    const count = copyOf(past, clock)
    await sweepAll(seenBy(count, clock, () => {
      requests += 1
      return Promise.resolve()
    }))
    const end = [...count.objects.keys()].sort()
    let left = 0
    for (let last = 1; last <= requests; last += 1) {
      clock.now = at(72)
      const killed = copyOf(past, clock)
      let done = 0
      const dying = seenBy(killed, clock, () => {
        done += 1
        return done > last ? Promise.reject(new Error('killed')) : Promise.resolve()
      })
      await sweepAll(dying).then(() => undefined, () => undefined)
      expectConsistent(killed, `killed after request ${last}`)
      await expectWhole(killed, [buildId(1)], `killed after request ${last}`)
      if (killed.objects.get(keys.sweep)?.bytes.includes('"sweeping"')) {
        left += 1
        expect(await refusal(sweepAll(killed)), `after request ${last}`).to.equal('SWEEP_RUNNING')
        clock.now = new Date(clock.now.getTime() + SWEEP_LEASE)
      }

      await sweepAll(killed)
      expect([...killed.objects.keys()].sort(), `killed after request ${last}`).to.deep.equal(end)
    }

    expect(left).to.be.greaterThan(10)
  })

  it('ends between two deletions when it is told to, and lets others in at once', async () => {
    const stop = new AbortController()
    const planned = await plan(bucket, clock)
    const swept = await collect(bucket, planned, {sweep: 's', now: () => clock.now, elapsed: () => 0, signal: stop.signal, onProgress: () => stop.abort()})
    expect(swept.complete).to.equal(false)
    expect(narinfos()).to.equal('abcdx')
    expectConsistent(bucket, 'stopped')
    expect(await sweepAll()).to.include({complete: true})
    expect(narinfos()).to.equal('d')
  })

  describe('twice at once', () => {
    it('is refused, whichever request of the first the second comes before', async () => {
      let requests = 0
      await sweepAll(seenBy(copyOf(past, clock), clock, () => Promise.resolve(void (requests += 1))))
      const pairs = new Set<string>()
      for (let start = 1; start <= requests; start += 1) {
        const both = copyOf(past, clock)
        let at = 0
        let second: string | null = null
        const first = await refusal(sweepAll(seenBy(both, clock, async () => {
          at += 1
          if (at === start) second = await refusal(sweepAll(both))
        })))
        pairs.add(`${String(first)} ${String(second)}`)
        await expectWhole(both, [buildId(1)], `before request ${start}`)
        expect(narinfos(both)).to.equal('d')
      }

      // Before the first says that it sweeps, the second does all of it; in the last moment, to the surprise of the first.
      expect([...pairs].sort()).to.deep.equal(['SWEEP_RUNNING null', 'null SWEEP_RUNNING', 'null null'])
    })

    it('ends the one that was slept over, before it deletes anything more', async () => {
      let slept = 0
      let deletions = 0
      const first = seenBy(bucket, clock, async request => {
        if (request !== 'delete') return
        deletions += 1
        if (deletions !== 2) return
        slept = SWEEP_LEASE
        clock.now = new Date(clock.now.getTime() + SWEEP_LEASE)
        await sweepAll()
      })
      expect(await refusal(sweepAll(first, {}, {elapsed: () => slept}))).to.equal('SWEEP_LOST')
      expect(deletions).to.equal(2)
      await expectWhole(bucket, [buildId(1)], 'afterwards')
    })

    it('lets one of two win that begin in the same moment', async () => {
      const outcomes = await Promise.all([refusal(sweepAll()), refusal(sweepAll())])
      expect(outcomes.filter(outcome => outcome === null)).to.have.length(1)
      expect(outcomes).to.include('SWEEP_RUNNING')
    })
  })

  it('keeps a narinfo below heroku/cache/ for those that need it, and takes it afterwards', async () => {
    const own = clockedBucket(clock)
    await playAt(own, clock, 0, {folder, tree: '1', paths: OLD})
    const info = own.objects.get(narinfo('x'))
    if (!info) throw new Error('There is no x.')
    const [, url = ''] = /^URL: (.*)$/m.exec(info.bytes.toString()) ?? []
    for (const key of [narinfo('x'), url]) {
      own.objects.set(keys.ownCache(key), own.objects.get(key) ?? info)
      own.objects.delete(key)
    }

    clock.now = at(72)
    await sweepAll(own)
    expect([...own.objects.keys()]).to.include.members([keys.ownCache(narinfo('x')), keys.ownCache(url)])
    await playAt(own, clock, 73, {folder, tree: '2', paths: NEWEST})
    clock.now = at(200)
    await sweepAll(own)
    expect([...own.objects.keys()].filter(key => key.startsWith(keys.ownCache('')))).to.deep.equal([])
  })

  describe('and what is released', () => {
    const release = (version: number, slugId: string | null): Release =>
      ({id: `r${version}`, version, slugId, status: 'succeeded', current: false, description: '', outputStreamUrl: null})
    const slug = (id: string, about: Partial<SlugInfo>): SlugInfo => ({id, checksum: null, size: 1, commit: null, commitDescription: null, processTypes: {}, blobUrl: '', ...about})
    const platform = (releases: Release[], slugs: SlugInfo[]): Pick<Platform, 'releases' | 'slug'> => ({
      releases: () => Promise.resolve(releases), slug: id => Promise.resolve(slugs.find(one => one.id === id) ?? null),
    })

    it('are the builds that the newest slugs name: by nix:redeploy, by a build at Heroku, by a push', async () => {
      const commit = '1'.repeat(40)
      const heroku = platform(
        [release(9, 'a'), release(8, 'a'), release(7, null), release(6, 'b'), release(5, 'c'), release(4, 'gone'), release(3, 'd'), release(2, 'e')],
        [
          slug('a', {commitDescription: 'Nix build 20261101-000000-wwww, nix-slug-1'}), slug('b', {commit: `${commit}+20261101-000000-bbbb`}), slug('c', {commit}),
          slug('d', {commit: 'unknown'}), slug('e', {commitDescription: 'Nix build 20261101-000000-eeee, nix-slug-1'}),
        ],
      )
      const records = recordStore(bucket, APP)
      expect([...await releasedBuilds(heroku, records, {keep: 5})].sort()).to.deep.equal([['20261101-000000-wwww', 'v9'], ['20261101-000000-bbbb', 'v6'], [buildId(0), 'v5']].sort())
      expect([...await releasedBuilds(heroku, records, {keep: 1})]).to.deep.equal([['20261101-000000-wwww', 'v9']])
    })
  })

  it('waits out nothing between looking at an object and deleting it: a request that fails ends it', async () => {
    const failing = seenBy(bucket, clock, request => request === 'delete' ? Promise.reject(new Error('503')) : Promise.resolve())
    expect(await sweepAll(failing).then(() => null, (error: unknown) => (error as Error).message)).to.equal('503')
    expect(bucket.objects.get(keys.sweep)?.bytes.toString()).to.include('"done"')
    expect(narinfos()).to.equal('abcdx')
  })
})
