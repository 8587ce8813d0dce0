import type {Bucket} from '../bucket/bucket.ts'
import type {DynoRequest, PresignedToolbox} from '../build/dyno-command.ts'
import type {SucceededBuild} from '../build/record.ts'
import type {DoneOrder, Order} from '../order/order-report.ts'
import {reportStore} from '../order/report-store.ts'
import {startOneOff, type StartWorld} from '../order/start-one-off.ts'
import {watchOrder, type WatchOrderWorld} from '../order/watch-order.ts'
import type {Platform} from '../platform/platform.ts'
import type {App} from '../platform/types.ts'
import type {PublicKey} from '../signing/nix-key.ts'

/** What a dyno is ordered with, whatever it makes. */
export interface OrderOptions {
  /** of a build id's form, never used before */
  order: string
  record: SucceededBuild
  app: App
  /** digest; the bucket has it */
  toolbox: string
  presigned: PresignedToolbox | null
  /** of the dyno, as Heroku names it; null: the app's default */
  size: string | null
  key: PublicKey
}

export interface OrderWorld extends StartWorld, Omit<WatchOrderWorld, 'key' | 'platform' | 'reports' | 'wait'> {
  platform: Pick<Platform, 'createDyno' | 'createRelease' | 'createSlug' | 'dyno' | 'dynos' | 'slug'>
  /** Asked while the dyno is watched: once, without patience. */
  impatient: Pick<Platform, 'dyno' | 'dynos' | 'logUrl'>
  bucket: Pick<Bucket, 'head' | 'put' | 'read' | 'touch'>
  /** Hears the dyno's name. */
  onStarted: (dyno: string) => void
}

/** Seconds: Heroku signs a slug's URL for an hour, so later there is nothing left to do. */
export const TIME_TO_LIVE = 3600
const LOOK_PAUSE_MS = 1000

/**
 * Has a one-off dyno carry out an order, and waits for it.
 * @param command ours that starts it, for messages
 * @throws NixError for a dyno that could not be started, that failed or was lost
 */
export async function orderByDyno(order: Order, request: DynoRequest, {command, app, key}: {command: string; app: App; key: PublicKey}, world: OrderWorld): Promise<DoneOrder> {
  const reports = reportStore(world.bucket, order)
  const cancel = async () => {
    if (await reports.create({version: 1, order: order.order, state: 'cancelled'}) !== null) return null
    const taker = (await reports.read())?.report
    return taker === undefined || taker.state === 'cancelled' ? null : taker.dyno
  }

  const what = order.what === 'slug' ? 'release' : 'order'
  const dyno = await startOneOff({id: order.order, what, command, request, cancel}, app, world)
  world.onStarted(dyno)
  return watchOrder(order, dyno, {
    reports, key, platform: world.impatient, elapsed: world.elapsed, onProgress: world.onProgress, wait: () => world.wait(LOOK_PAUSE_MS),
  })
}
