import type {Bucket} from '../bucket/bucket.ts'
import {releaseRequest, type PresignedToolbox} from '../build/dyno-command.ts'
import type {SucceededBuild} from '../build/record.ts'
import {EXIT, NixError} from '../errors.ts'
import {startOneOff, type StartWorld} from '../order/start-one-off.ts'
import type {Platform} from '../platform/platform.ts'
import type {App, SlugInfo} from '../platform/types.ts'
import type {PublicKey} from '../signing/nix-key.ts'
import {reportStore} from './report-store.ts'
import type {SentSlug} from './slug-report.ts'
import {watchSlug, type WatchSlugWorld} from './watch-slug.ts'

export interface SendByDynoOptions {
  /** of a build id's form, never used before */
  order: string
  record: SucceededBuild
  app: App
  /** just created, with nothing in it */
  slug: SlugInfo
  /** digest; the bucket has it */
  toolbox: string
  presigned: PresignedToolbox | null
  /** of the dyno, as Heroku names it; null: the app's default */
  size: string | null
  key: PublicKey
}

export interface SendByDynoWorld extends StartWorld, Omit<WatchSlugWorld, 'key' | 'platform' | 'reports' | 'wait'> {
  platform: Pick<Platform, 'createDyno' | 'createRelease' | 'createSlug' | 'dyno' | 'dynos' | 'slug'>
  /** Asked while the dyno is watched: once, without patience. */
  impatient: Pick<Platform, 'dyno' | 'dynos'>
  bucket: Pick<Bucket, 'put' | 'read'>
  /** Hears the dyno's name. */
  onStarted: (dyno: string) => void
}

/** Seconds: Heroku signs a slug's URL for an hour, so later there is nothing left to do. */
const TIME_TO_LIVE = 3600
const LOOK_PAUSE_MS = 1000

/**
 * Has a one-off dyno make a build's slug and upload it.
 * @throws NixError for a dyno that could not be started, that failed or was lost, and for a slug of which Heroku has another size
 */
export async function sendByDyno({order, record, app, slug, toolbox, presigned, size, key}: SendByDynoOptions, world: SendByDynoWorld): Promise<SentSlug> {
  const ordered = {app: record.app, build: record.id, order}
  const reports = reportStore(world.bucket, ordered)
  const request = releaseRequest({
    build: record.id, order, toolbox, size, presigned, timeToLive: TIME_TO_LIVE,
    source: record.source, layerSha256: record.outcome.layer.sha256, slugUrl: slug.blobUrl,
  })
  const cancel = async () => {
    if (await reports.create({version: 1, order, state: 'cancelled'}) !== null) return null
    const taker = (await reports.read())?.report
    return taker === undefined || taker.state === 'cancelled' ? null : taker.dyno
  }

  const dyno = await startOneOff({id: order, what: 'release', command: 'heroku nix:redeploy --via dyno', request, cancel}, app, world)
  world.onStarted(dyno)
  const sent = await watchSlug(ordered, dyno, {
    reports, key, platform: world.impatient, elapsed: world.elapsed, onProgress: world.onProgress, wait: () => world.wait(LOOK_PAUSE_MS),
  })
  // Its checksum could only be given before its bytes were known; the size is what Heroku may have counted itself.
  const counted = (await world.platform.slug(slug.id))?.size ?? null
  if (counted === null || counted === sent.size) return sent
  throw new NixError(`Heroku has ${counted} bytes of the slug, and dyno ${sent.dyno} uploaded ${sent.size}; nothing was released.`, {
    code: 'BAD_SLUG', exit: EXIT.verification, suggestions: ['heroku nix:redeploy'],
  })
}
