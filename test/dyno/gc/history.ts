import {expect} from 'chai'
import fs from 'node:fs'
import {keys} from '../../../src/lib/bucket/keys.ts'
import {recordStore} from '../../../src/lib/build/record-store.ts'
import {parseNarInfo} from '../../../src/lib/closure/narinfo.ts'
import {planCollection, type CollectOptions} from '../../../src/lib/gc/collect.ts'
import {baseNameOf, hashPartOf} from '../../../src/lib/nix/store-path.ts'
import {clockedBucket, type Clock, type ClockedBucket} from '../../lib/gc/support/clocked-bucket.ts'
import {playBuild, type Made} from './play-build.ts'

export const HOUR = 3_600_000
export const APP = 'example-app'
export const at = (hours: number): Date => new Date(Date.parse('2026-11-01T00:00:00Z') + hours * HOUR)
export const buildId = (hours: number, tail = 'aaaa'): string => `${at(hours).toISOString().slice(0, 13).replaceAll('-', '').replace('T', '-')}0000-${tail}`

/** What a build made three days ago, which nobody wants any more; `x` went with it. */
export const OLD: readonly Made[] = [
  {letter: 'a', runTime: false}, {letter: 'b', references: ['a'], runTime: true}, {letter: 'c', references: ['b'], runTime: true},
  {letter: 'x', references: ['b'], runTime: false},
]
/** What the newest build made, which stays. */
export const NEWEST: readonly Made[] = [{letter: 'd', runTime: true}]

/** Plays a build at an hour. */
export async function playAt(bucket: ClockedBucket, clock: Clock, hours: number, {folder, tree, paths, app = APP}: {folder: string; tree: string; paths: readonly Made[]; app?: string}): Promise<string> {
  clock.now = at(hours)
  const id = buildId(hours)
  const status = await playBuild({bucket, app, id, tree, paths, folder: fs.mkdtempSync(`${folder}/`), now: () => clock.now, wait: () => Promise.resolve()})
  expect(status).to.equal(0)
  return id
}

/** A bucket as two builds left it, three days ago. */
export async function history(clock: Clock, folder: string): Promise<ClockedBucket> {
  const bucket = clockedBucket(clock)
  await playAt(bucket, clock, 0, {folder, tree: '1', paths: OLD})
  await playAt(bucket, clock, 1, {folder, tree: '2', paths: NEWEST})
  clock.now = at(72)
  return bucket
}

export function copyOf(bucket: ClockedBucket, clock: Clock): ClockedBucket {
  const copy = clockedBucket(clock)
  for (const [key, object] of bucket.objects) copy.objects.set(key, object)
  return copy
}

export async function plan(bucket: ClockedBucket, clock: Clock, options: Partial<CollectOptions> = {}) {
  return planCollection(bucket, {app: APP, keep: 1, keepPushes: null, released: new Map(), toolbox: null, now: clock.now, onLook: () => undefined, ...options})
}

/** Each narinfo's NAR and references are there. */
export function expectConsistent({objects}: ClockedBucket, what: string): void {
  for (const [key, {bytes}] of objects) {
    if (!key.endsWith('.narinfo')) continue
    const info = parseNarInfo(bytes.toString(), key)
    const needed = [info.url, ...info.references.map(path => keys.narinfo(hashPartOf(baseNameOf(path))))]
    expect(needed.filter(name => !objects.has(name)), `${what}: what ${key} names`).to.deep.equal([])
  }
}

/** All that builds rely on is there: source, layer, listing, store paths and pointers. */
export async function expectWhole(bucket: ClockedBucket, builds: Iterable<string>, what: string, app = APP): Promise<void> {
  const {objects} = bucket
  const records = recordStore(bucket, app)
  for (const build of new Set(builds)) {
    const {record} = await records.require(build)
    if (record.state !== 'succeeded') throw new Error(`${what}: ${build} is ${record.state}`)
    const {source: {tree}, outcome: {closure, layer}} = record
    const list = objects.get(keys.paths(app, build))?.bytes.toString().trim().split('\n') ?? []
    const needed = [
      keys.source(app, tree), keys.listing(app, build), layer.key, keys.commit(app, tree), keys.tree(app, tree), keys.newest(app),
      ...[...list, ...closure.map(({path}) => baseNameOf(path))].map(name => keys.narinfo(hashPartOf(name))),
    ]
    expect(needed.filter(key => !objects.has(key)), `${what}: missing for ${build}`).to.deep.equal([])
    expect(objects.get(keys.tree(app, tree))?.bytes.toString(), what).to.equal(`${build}\n`)
  }

  expectConsistent(bucket, what)
}
