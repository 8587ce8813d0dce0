import type {Bucket} from '../bucket/bucket.ts'
import {SWEEP_AGE} from './ages.ts'
import {planSweep, type SweepPlan} from './plan-sweep.ts'
import {notedReleases} from './release-notes.ts'
import {noObjects, surveyBucket} from './survey.ts'
import {openSweepGate} from './sweep-gate.ts'
import {sweep, type Swept, type SweepOptions} from './sweep.ts'
import type {Wishes} from './wanted.ts'

export interface CollectOptions extends Omit<Wishes, 'limit'> {
  now: Date
  /** Says how far the looking is: objects that were listed, narinfos that were read. */
  onLook: (what: 'listed' | 'read', count: number) => void
}

/** Looks through the bucket for what nobody wants any more. Changes nothing. @throws NixError BAD_RECORD */
export async function planCollection(bucket: Pick<Bucket, 'head' | 'list' | 'name' | 'put' | 'read'>, {now, onLook, released, ...wishes}: CollectOptions): Promise<SweepPlan> {
  const survey = await surveyBucket(bucket, count => onLook('listed', count))
  const {released: notes} = survey.apps.get(wishes.app) ?? noObjects()
  const noted = await notedReleases(bucket, notes, {keep: wishes.keep})
  return planSweep(bucket, {
    ...wishes, survey, released: new Map([...noted, ...released]), limit: now.getTime() - SWEEP_AGE, onRead: count => onLook('read', count),
  })
}

export interface SweepClocks {
  /** random */
  sweep: string
  now: () => Date
  /** milliseconds, of a clock that nobody sets */
  elapsed: () => number
}

/**
 * Deletes what a plan names, while builds know of it.
 * @throws NixError SWEEP_RUNNING, SWEEP_LOST, CLOCK_SKEWED
 */
export async function collect(bucket: Bucket, plan: SweepPlan, {sweep: name, now, elapsed, ...options}: SweepClocks & Omit<SweepOptions, 'gate'>): Promise<Swept> {
  const gate = await openSweepGate(bucket, {sweep: name, now, elapsed})
  let swept: Swept
  try {
    swept = await sweep(bucket, plan, {gate, ...options})
  } catch (error) {
    // What went wrong first is what counts; a gate that stays open is taken for closed after its lease.
    await gate.close().catch(() => undefined)
    throw error
  }

  await gate.close()
  return swept
}
