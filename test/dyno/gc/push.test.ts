import {expect} from 'chai'
import fs from 'node:fs'
import {tmpdir} from 'node:os'
import {keys} from '../../../src/lib/bucket/keys.ts'
import type {LocalPath} from '../../../src/lib/cache/local-store.ts'
import {pushPaths, type Pushed} from '../../../src/lib/cache/push-paths.ts'
import {signNarInfo} from '../../../src/lib/closure/narinfo-signature.ts'
import {parseNarInfo, printNarInfo} from '../../../src/lib/closure/narinfo.ts'
import {collect} from '../../../src/lib/gc/collect.ts'
import {removeTree} from '../../../src/lib/view/remove.ts'
import {KEY} from '../../lib/build/records.ts'
import {OTHER_KEY} from '../../lib/closure/support/narinfos.ts'
import {seenBy, type Clock, type ClockedBucket} from '../../lib/gc/support/clocked-bucket.ts'
import {APP, at, copyOf, expectConsistent, history, plan} from './history.ts'
import {narIn} from './play-build.ts'

const narinfo = (letter: string) => keys.narinfo(letter.repeat(32))

describe('a push', function () {
  this.timeout(60_000)
  const clock: Clock = {now: new Date(0)}
  let folder = ''
  let past: ClockedBucket
  let bucket: ClockedBucket
  let closure: LocalPath[]
  before(async () => {
    folder = fs.mkdtempSync(`${tmpdir()}/gc-push-`)
    past = await history(clock, folder)
    const local = (letter: string, references: string[] = []): LocalPath => ({
      path: `/nix/store/${letter.repeat(32)}-${letter}`, ...narIn(folder, letter), references: references.map(other => `/nix/store/${other.repeat(32)}-${other}`),
      deriver: null, ca: null, signatures: [],
    })
    // What the old build has, and something new.
    closure = [local('a'), local('b', ['a']), local('p', ['b'])]
  })
  beforeEach(() => {
    clock.now = at(72)
    bucket = copyOf(past, clock)
  })
  after(() => removeTree(folder))

  const push = (of: ClockedBucket, wait: () => Promise<void> = () => Promise.reject(new Error('there is nothing to wait for'))): Promise<Pushed> =>
    pushPaths(of, closure, {key: KEY, store: `${folder}/store`, scratch: folder, app: APP, waiting: {now: () => clock.now, wait}})
  const sweep = async (of: ClockedBucket) => collect(of, await plan(of, clock), {
    sweep: 's', now: () => clock.now, elapsed: () => 0, onProgress: () => undefined, signal: new AbortController().signal,
  })
  const infoOf = (letter: string) => parseNarInfo(bucket.objects.get(narinfo(letter))?.bytes.toString() ?? '', letter)

  it('makes young what it relies on, and is kept', async () => {
    expect(await push(bucket)).to.deep.include({saved: 1, there: 2})
    for (const letter of ['a', 'b', 'p']) {
      for (const key of [narinfo(letter), infoOf(letter).url]) expect(bucket.objects.get(key)?.modifiedAt, key).to.deep.equal(at(72))
    }

    clock.now = at(500)
    await sweep(bucket)
    expect([...bucket.objects.keys()]).to.include.members([narinfo('a'), narinfo('b'), narinfo('p')]).and.not.include(narinfo('c'))
    expectConsistent(bucket, 'afterwards')
  })

  it('writes over what builds would refuse, and keeps the signatures of other apps on the same content', async () => {
    const {signatures, ...rest} = infoOf('a')
    expect(signatures).to.have.length(1)
    await bucket.put(narinfo('a'), Buffer.from(printNarInfo(signNarInfo({...rest, signatures: []}, OTHER_KEY))))
    await bucket.put(narinfo('b'), Buffer.from(printNarInfo({...infoOf('b'), narSize: 1})))
    expect(await push(bucket)).to.deep.include({saved: 3, there: 0})
    expect(infoOf('a').signatures.map(signature => signature.split(':')[0])).to.deep.equal([OTHER_KEY.name, KEY.name])
    expect(infoOf('b').narSize).to.equal(closure[1]?.narSize)
    expectConsistent(bucket, 'afterwards')
  })

  it('loses nothing to a sweep, whichever request of that it comes before', async () => {
    let requests = 0
    await sweep(seenBy(copyOf(past, clock), clock, () => Promise.resolve(void (requests += 1))))
    let waits = 0
    for (let start = 1; start <= requests; start += 1) {
      const both = copyOf(past, clock)
      const pushes: Promise<Pushed>[] = []
      let at = 0
      let goOn: () => void = () => undefined
      let endWait: () => void = () => undefined
      await sweep(seenBy(both, clock, async () => {
        at += 1
        if (at !== start) return
        await new Promise<void>(resolve => {
          goOn = resolve
          const pushing = push(both, () => new Promise(resolveWait => {
            waits += 1
            endWait = resolveWait
            goOn()
          }))
          pushes.push(pushing)
          void pushing.catch(() => undefined).finally(() => goOn())
        })
      }))
      endWait()
      await Promise.all(pushes)
      expect(['a', 'b', 'p'].filter(letter => !both.objects.has(narinfo(letter))), `before request ${start}`).to.deep.equal([])
      expectConsistent(both, `before request ${start}`)
    }

    expect(waits).to.be.greaterThan(10)
  })
})
