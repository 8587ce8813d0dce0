import {keys} from '../bucket/keys.ts'
import {pruneRequest} from '../build/dyno-command.ts'
import type {LayerObject} from '../build/record.ts'
import {EXIT, NixError} from '../errors.ts'
import {findLayer} from '../layers/noted-layers.ts'
import {orderByDyno, TIME_TO_LIVE, type OrderOptions, type OrderWorld} from './order-by-dyno.ts'

export interface PruneByDynoOptions extends OrderOptions {
  /** of a .slugexclude */
  rules: Uint8Array
  /** of the layer that is to come of it */
  digest: string
}

/**
 * Has a one-off dyno make a build's layer with other rules.
 * @returns the layer, which lies in the bucket, and the dyno's name
 * @throws NixError of orderByDyno, LAYER_GONE
 */
export async function pruneByDyno({rules, digest, order, record, app, toolbox, presigned, size, key}: PruneByDynoOptions, world: OrderWorld): Promise<{layer: LayerObject; dyno: string}> {
  // The rules may be long, and Heroku's API shows commands; the digest, which goes with POST /dynos, is over them.
  await world.bucket.put(keys.orderedRules(record.app, record.id, order), rules, {condition: 'absent', contentType: 'text/plain'})
  const request = pruneRequest({
    build: record.id, order, toolbox, size, presigned, timeToLive: TIME_TO_LIVE, source: record.source, layerDigest: digest,
  })
  const done = await orderByDyno({what: 'layer', app: record.app, build: record.id, order}, request, {command: 'heroku nix:redeploy --slugexclude FILE', app, key}, world)
  const layer = await findLayer(world.bucket, {digest, key, onRefused: world.note})
  if (layer?.sha256 === done.sha256) return {layer, dyno: done.dyno}
  throw new NixError(`Dyno ${done.dyno} has made the layer, and the bucket has another one as heroku/layers/${digest}.tar.gz.`, {
    code: 'LAYER_GONE', exit: EXIT.verification, suggestions: ['heroku nix:redeploy'],
  })
}
