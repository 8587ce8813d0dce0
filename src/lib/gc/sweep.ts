import type {Bucket, ObjectInfo} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {allOf} from '../restore/parallel.ts'
import type {GraphPath} from './closure-graph.ts'
import type {SweepPlan} from './plan-sweep.ts'
import type {SweepGate} from './sweep-gate.ts'

export interface Swept {
  objects: number
  bytes: number
  /** objects that somebody began to use meanwhile */
  spared: number
}

export interface SweepOptions {
  gate: SweepGate
  /** Called after each deletion with how many objects are done, of those in the plan. */
  onProgress: (done: number) => void
}

/** Objects that are looked at and deleted together: some seconds of work, so that little can happen in between. */
const BATCH = 500
const WIDTH = 32

/**
 * Deletes what the plan names, what refers before what is referred to. Each object is looked at once more, just before: what was
 * written or touched since then stays. A sweep that is broken off leaves everything whole, and the next one goes on.
 */
export async function sweep(bucket: Pick<Bucket, 'delete' | 'head' | 'list'>, plan: SweepPlan, {gate, onProgress}: SweepOptions): Promise<Swept> {
  const swept: Swept = {objects: 0, bytes: 0, spared: 0}
  const sparedNars = new Set<string>()
  const graph = new Map(plan.paths.flat().map(path => [path.hash, path]))
  const spared = new Set<string>()

  async function remove(found: readonly {key: string}[]): Promise<void> {
    for (const batch of batchesOf(found)) {
      await gate.hold()
      const heads = await headsOf(batch)
      const old = heads.filter(isOld)
      await bucket.delete(old.map(({key}) => key))
      count(old, heads.length - old.length)
    }
  }

  function count(deleted: readonly {size: number}[], others: number): void {
    swept.objects += deleted.length
    swept.bytes += deleted.reduce((sum, {size}) => sum + size, 0)
    swept.spared += others
    onProgress(swept.objects + swept.spared)
  }

  const isOld = ({modifiedAt}: {modifiedAt: Date}) => modifiedAt.getTime() <= plan.limit

  /** Of those that are there. */
  async function headsOf(found: readonly {key: string}[]): Promise<ObjectInfo[]> {
    return (await allOf(found, WIDTH, ({key}) => bucket.head(key))).filter(head => head !== null)
  }

  /** A build's record first: what is left of it without one is nobody's. */
  async function removeBuild(id: string): Promise<void> {
    await gate.hold()
    const found: ObjectInfo[] = []
    for await (const object of bucket.list(`${keys.builds(plan.app)}${id}/`)) found.push(object)
    const goes = found.every(isOld)
    if (goes) {
      await bucket.delete([keys.record(plan.app, id)])
      await bucket.delete(found.map(({key}) => key))
    }

    count(goes ? found : [], goes ? 0 : found.length)
  }

  /** Whoever uses a path uses what it refers to. */
  function spare(path: GraphPath): void {
    if (spared.has(path.hash)) return
    spared.add(path.hash)
    path.nars.forEach(nar => sparedNars.add(nar))
    for (const hash of path.references) {
      const reference = graph.get(hash)
      if (reference) spare(reference)
    }
  }

  async function removePaths(group: readonly GraphPath[]): Promise<void> {
    for (const batch of batchesOf(group)) {
      await gate.hold()
      const heads = await headsOf(batch.flatMap(({narinfos}) => narinfos))
      const used = new Set(heads.filter(head => !isOld(head)).map(({key}) => key))
      batch.filter(({narinfos}) => narinfos.some(({key}) => used.has(key))).forEach(spare)
      const kept = new Set(batch.filter(({hash}) => spared.has(hash)).flatMap(({narinfos}) => narinfos.map(({key}) => key)))
      const old = heads.filter(({key}) => !kept.has(key))
      await bucket.delete(old.map(({key}) => key))
      count(old, heads.length - old.length)
    }
  }

  await remove(plan.pointers)
  for (const {id} of plan.builds) await removeBuild(id)
  for (const kind of ['pushes', 'sources', 'layers', 'probes'] as const) await remove(plan[kind])
  for (const group of plan.paths) await removePaths(group)
  await remove(plan.nars.filter(({key}) => !sparedNars.has(key)))
  return swept
}

function* batchesOf<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let start = 0; start < items.length; start += BATCH) yield items.slice(start, start + BATCH)
}
