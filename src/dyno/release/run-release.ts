import type {LayerObject, SucceededBuild} from '../../lib/build/record.ts'
import type {NixConfig} from '../../lib/config-vars.ts'
import {EXIT, NixError, type ExitCode} from '../../lib/errors.ts'
import {findLayer} from '../../lib/layers/noted-layers.ts'
import {withLayer} from '../../lib/layers/with-layer.ts'
import {formatBytes} from '../../lib/output/units.ts'
import {parseSecretKey} from '../../lib/signing/nix-key.ts'
import type {RunTimeScripts} from '../../lib/slug/run-time-scripts.ts'
import {requireOrderedBuild} from '../one-off/ordered-build.ts'
import {runOrder, type OrderEdges} from '../one-off/run-order.ts'
import {sendSlug} from './send-slug.ts'

/** What POST /dynos told this dyno. */
export interface ReleaseInput {
  /** the order's id */
  order: string
  build: string
  /** where the slug goes */
  url: string
  /** hex; the signed record must agree */
  sourceSha256: string
  /** what the layer is made from: the build's own, or one that was pruned anew. Record or note must agree */
  layerDigest: string
  /** hex, of its bytes */
  layerSha256: string
  config: NixConfig
}

export interface ReleaseEdges extends OrderEdges {
  scripts: RunTimeScripts
}

/**
 * Claims an order, makes the build's slug, uploads it and reports.
 * @returns the dyno's exit status
 */
export async function runRelease({order, build, url, sourceSha256, layerDigest, layerSha256, config}: ReleaseInput, edges: ReleaseEdges): Promise<ExitCode | 0> {
  const {bucket, stdout, scripts, folder} = edges
  const app = config.appName
  const key = parseSecretKey(config.signingKey).publicKey
  return runOrder({what: 'slug', app, build, order}, config, edges, async onProgress => {
    stdout(`-----> Making the slug of build ${build}\n`)
    const record = await requireOrderedBuild(bucket, {app, build, key}, ({source}) => source.sha256 === sourceSha256)
    const sent = await sendSlug({
      record: withLayer(record, await orderedLayer(record)), bucket, scripts, folder, url, onProgress, onWarning: text => stdout(` !     ${text}\n`),
    })
    stdout(`-----> Uploaded a slug of ${formatBytes(sent.size)}\n`)
    return sent
  })

  async function orderedLayer({outcome}: SucceededBuild): Promise<LayerObject> {
    const layer = outcome.layer.digest === layerDigest
      ? outcome.layer
      : await findLayer(bucket, {digest: layerDigest, key, onRefused: reason => stdout(` !     ${reason}\n`)})
    if (layer?.sha256 === layerSha256) return layer
    throw new NixError(`The layer ${layerDigest} of build ${build} is not the one that was ordered.`, {
      code: 'WRONG_RECORD', exit: EXIT.verification, suggestions: ['heroku nix:redeploy'],
    })
  }
}
