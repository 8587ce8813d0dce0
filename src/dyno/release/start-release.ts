import {isBuildId} from '../../lib/build/id.ts'
import type {NixConfig} from '../../lib/config-vars.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import type {RunTimeScripts} from '../../lib/slug/run-time-scripts.ts'
import {startOrder} from '../one-off/start-order.ts'
import type {Variables} from '../variables.ts'
import {runRelease, type ReleaseInput} from './run-release.ts'

/** Texts of what every slug carries; scripts/build.ts puts them in. */
declare const RUN_TIME_SCRIPTS: RunTimeScripts

/** `dyno.mjs release ORDER`, on a real dyno: file descriptor 3 holds the variables. Ends the process. */
export function startRelease(order: string): Promise<never> {
  return startOrder({done: 'uploaded the slug', secret: ['NIX_SLUG_URL']}, ({variables, config}, edges) =>
    runRelease(readInput(order, variables, config), {...edges, scripts: RUN_TIME_SCRIPTS}))
}

function readInput(order: string, variables: Variables, config: NixConfig): ReleaseInput {
  const {
    NIX_ORDER_BUILD: build = '', NIX_SLUG_URL: url = '', NIX_SOURCE_SHA256: sourceSha256 = '', NIX_LAYER_DIGEST: layerDigest = '', NIX_LAYER_SHA256: layerSha256 = '',
  } = variables
  if (!isBuildId(order) || !isBuildId(build) || url === '') {
    throw new NixError('NIX_ORDER_BUILD and NIX_SLUG_URL are not set: this dyno was not started by nix:redeploy.', {
      code: 'NO_SLUG_ORDER', exit: EXIT.usage, suggestions: ['heroku nix:redeploy'],
    })
  }

  return {order, build, url, sourceSha256, layerDigest, layerSha256, config}
}
