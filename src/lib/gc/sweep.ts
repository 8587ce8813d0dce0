import type {Bucket, ObjectInfo} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {recordStore} from '../build/record-store.ts'
import {allOf} from '../restore/parallel.ts'
import {readGraph, type GraphPath} from './closure-graph.ts'
import type {SweepPlan} from './plan-sweep.ts'
import {surveyBucket} from './survey.ts'
import type {SweepGate} from './sweep-gate.ts'
import {readNeeds} from './wanted.ts'

export interface Swept {
  objects: number
  bytes: number
  /** objects that somebody began to use meanwhile */
  spared: number
  /** false: it was told to stop */
  complete: boolean
}

export interface SweepOptions {
  gate: SweepGate
  /** Called after each deletion with how many objects are done, of those in the plan. */
  onProgress: (done: number) => void
  /** Ends the sweep before its next deletion. */
  signal: AbortSignal
}

/** Objects that are looked at and deleted together: some seconds of work, so that little can happen in between. */
const BATCH = 500
const WIDTH = 32
const BUILDS_AT_ONCE = 8

/**
 * Deletes what the plan names, what refers before what is referred to. Each object is looked at once more, just before: what was
 * written or touched since then stays. A sweep that is broken off leaves everything whole, and the next one goes on.
 */
export async function sweep(bucket: Pick<Bucket, 'delete' | 'head' | 'list' | 'name' | 'put' | 'read'>, plan: SweepPlan, {gate, onProgress, signal}: SweepOptions): Promise<Swept> {
  const swept: Swept = {objects: 0, bytes: 0, spared: 0, complete: true}
  const sparedNars = new Set<string>()
  const graph = new Map(plan.paths.flat().map(path => [path.hash, path]))
  const spared = new Set<string>()
  const sparedKeys = new Set<string>()

  /** As batches, each of which may be deleted. */
  async function* held<Item>(items: readonly Item[], size = BATCH): AsyncGenerator<readonly Item[]> {
    for (let start = 0; start < items.length && !signal.aborted; start += size) {
      await gate.hold()
      yield items.slice(start, start + size)
    }
  }

  async function remove(found: readonly {key: string}[]): Promise<void> {
    for await (const batch of held(found)) {
      const heads = await headsOf(batch)
      const old = heads.filter(isOld)
      await removeKeys(old)
      count(old, heads.length - old.length)
    }
  }

  /** Also when looking at them took long, builds must know that somebody sweeps. */
  async function removeKeys(found: readonly {key: string}[]): Promise<void> {
    await gate.hold()
    await bucket.delete(found.map(({key}) => key))
  }

  function count(deleted: readonly {size: number}[], others: number): void {
    swept.objects += deleted.length
    swept.bytes += deleted.reduce((sum, {size}) => sum + size, 0)
    swept.spared += others
    onProgress(swept.objects + swept.spared)
  }

  const isOld = ({key, modifiedAt}: Pick<ObjectInfo, 'key' | 'modifiedAt'>) => modifiedAt.getTime() <= plan.limit && !sparedKeys.has(key)

  /** Of those that are there. */
  async function headsOf(found: readonly {key: string}[]): Promise<ObjectInfo[]> {
    return (await allOf(found, WIDTH, ({key}) => bucket.head(key))).filter(head => head !== null)
  }

  /** A build's record first: what is left of it without one is nobody's. */
  async function removeBuild(id: string): Promise<void> {
    const found: ObjectInfo[] = []
    for await (const object of bucket.list(`${keys.builds(plan.app)}${id}/`)) found.push(object)
    const goes = found.every(isOld)
    if (goes) {
      await removeKeys([{key: keys.record(plan.app, id)}])
      await removeKeys(found)
    } else {
      await spareNeeds(id)
    }

    count(goes ? found : [], goes ? 0 : found.length)
  }

  /** Whoever uses a build again touches its record, and not all that it needs. */
  async function spareNeeds(id: string): Promise<void> {
    const {record, needs: {hashes, layers, sources}} = await readNeeds(bucket, plan.app, id)
    // Its own may have gone, being older.
    if (record?.state === 'succeeded') await recordStore(bucket, plan.app).advancePointers(record)
    for (const key of sources) sparedKeys.add(key)
    for (const {key} of plan.layers) if (layers.has(layerIn(key))) sparedKeys.add(key)
    for (const hash of hashes) {
      const path = graph.get(hash)
      if (path) spare(path)
    }
  }

  /** Whoever uses a path uses what it refers to. */
  function spare({hash, nars, references}: Pick<GraphPath, 'hash' | 'nars' | 'references'>): void {
    if (spared.has(hash)) return
    spared.add(hash)
    nars.forEach(nar => sparedNars.add(nar))
    for (const name of references) {
      const reference = graph.get(name)
      if (reference) spare(reference)
    }
  }

  /** Other Nixes write to the bucket, too, and touch nothing that is there. */
  async function spareWhatCame(): Promise<void> {
    const {narinfos} = await surveyBucket(bucket, () => gate.hold())
    const isKnown = (hash: string) => {
      const before = plan.known.get(hash)
      return narinfos.get(hash)?.every(({key, modifiedAt}) => before?.some(known => known.key === key && known.modifiedAt === modifiedAt))
    }
    const came = new Map([...narinfos].filter(([hash]) => !isKnown(hash)))
    const read = await readGraph(bucket, {narinfos: came}, {isOwnKey: () => false, known: narinfos.keys(), onRead: () => undefined})
    for (const path of read.values()) spare(path)
  }

  async function removePaths(group: readonly GraphPath[]): Promise<void> {
    for await (const batch of held(group)) {
      const heads = await headsOf(batch.flatMap(({narinfos}) => narinfos))
      const used = new Set(heads.filter(head => !isOld(head)).map(({key}) => key))
      batch.filter(({narinfos}) => narinfos.some(({key}) => used.has(key))).forEach(spare)
      const kept = new Set(batch.filter(({hash}) => spared.has(hash)).flatMap(({narinfos}) => narinfos.map(({key}) => key)))
      const old = heads.filter(({key}) => !kept.has(key))
      await removeKeys(old)
      count(old, heads.length - old.length)
    }
  }

  await remove(plan.pointers)
  if (plan.pointers.length > 0) await pointToKept(bucket, plan)
  for await (const builds of held(plan.builds, BUILDS_AT_ONCE)) await allOf(builds, BUILDS_AT_ONCE, ({id}) => removeBuild(id))
  for (const kind of ['pushes', 'sources', 'layers', 'toolboxes', 'tools', 'probes'] as const) await remove(plan[kind])
  if (plan.paths.length > 0 || plan.nars.length > 0) await spareWhatCame()
  for (const group of plan.paths) await removePaths(group)
  await remove(plan.nars.filter(({key}) => !sparedNars.has(key)))
  return {...swept, complete: !signal.aborted}
}

/** A tree's or commit's newest build may go and an older one stay, which is released: that is found by them from now on. */
async function pointToKept(bucket: Pick<Bucket, 'list' | 'name' | 'put' | 'read'>, {app, kept}: SweepPlan): Promise<void> {
  const records = recordStore(bucket, app)
  for (const id of kept.builds.keys()) {
    const found = await records.read(id)
    if (found?.record.state === 'succeeded') await records.advancePointers(found.record)
  }
}

/** The digest in a layer's key, or in that of its note. */
function layerIn(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1).split('.')[0] ?? ''
}
