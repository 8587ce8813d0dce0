import {releaseRequest} from '../build/dyno-command.ts'
import {EXIT, NixError} from '../errors.ts'
import type {DoneOrder} from '../order/order-report.ts'
import type {SlugInfo} from '../platform/types.ts'
import {orderByDyno, TIME_TO_LIVE, type OrderOptions, type OrderWorld} from './order-by-dyno.ts'

export interface SendByDynoOptions extends OrderOptions {
  /** just created, with nothing in it */
  slug: SlugInfo
}

/**
 * Has a one-off dyno make a build's slug and upload it.
 * @throws NixError of orderByDyno, and for a slug of which Heroku has another size
 */
export async function sendByDyno({order, record, app, slug, toolbox, presigned, size, key}: SendByDynoOptions, world: OrderWorld): Promise<DoneOrder> {
  const {layer} = record.outcome
  const request = releaseRequest({
    build: record.id, order, toolbox, size, presigned, timeToLive: TIME_TO_LIVE,
    source: record.source, layerDigest: layer.digest, layerSha256: layer.sha256, slugUrl: slug.blobUrl,
  })
  const sent = await orderByDyno({what: 'slug', app: record.app, build: record.id, order}, request, {command: 'heroku nix:redeploy --via dyno', app, key}, world)
  // Its checksum could only be given before its bytes were known; the size is what Heroku may have counted itself.
  const counted = (await world.platform.slug(slug.id))?.size ?? null
  if (counted === null || counted === sent.size) return sent
  throw new NixError(`Heroku has ${counted} bytes of the slug, and dyno ${sent.dyno} uploaded ${sent.size}; nothing was released.`, {
    code: 'BAD_SLUG', exit: EXIT.verification, suggestions: ['heroku nix:redeploy'],
  })
}
