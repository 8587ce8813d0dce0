import {rm} from 'node:fs/promises'
import type {Bucket} from '../../lib/bucket/bucket.ts'
import {keys} from '../../lib/bucket/keys.ts'
import type {LayerObject, SucceededBuild} from '../../lib/build/record.ts'
import type {NixConfig} from '../../lib/config-vars.ts'
import {EXIT, NixError, type ExitCode} from '../../lib/errors.ts'
import {pruneLayer} from '../../lib/layers/prune-layer.ts'
import {publishLayer} from '../../lib/layers/publish-layer.ts'
import {formatBytes} from '../../lib/output/units.ts'
import {parseSecretKey} from '../../lib/signing/nix-key.ts'
import {layerDigest} from '../../lib/slug/layer-digest.ts'
import {plural} from '../../lib/output/plural.ts'
import {requireOrderedBuild} from '../one-off/ordered-build.ts'
import {runOrder, type OrderEdges} from '../one-off/run-order.ts'

const MAX_RULES = 4 * 1024 * 1024

/** What POST /dynos told this dyno. */
export interface PruneInput {
  /** the order's id */
  order: string
  build: string
  /** of the layer that is to come of it: record and rules must agree, which lie in the bucket */
  digest: string
  config: NixConfig
}

/**
 * Claims an order, prunes the build's closure by the rules that lie beside the order, puts the layer into the bucket and reports.
 * @returns the dyno's exit status
 */
export async function runPrune({order, build, digest, config}: PruneInput, edges: OrderEdges): Promise<ExitCode | 0> {
  const {bucket, stdout, folder, stopped} = edges
  const app = config.appName
  return runOrder({what: 'layer', app, build, order}, config, edges, async onProgress => {
    stdout(`-----> Pruning build ${build} anew\n`)
    const rules = await bucket.read(keys.orderedRules(app, build, order), {maxBytes: MAX_RULES})
    if (rules === null) {
      throw new NixError(`The rules of order ${order} are not in bucket ${bucket.name}.`, {code: 'NO_RULES', exit: EXIT.verification, suggestions: ['heroku nix:redeploy']})
    }

    return pruneBuild({bucket, app, build, digest, rules: rules.bytes, signingKey: config.signingKey, folder, signal: stopped, stdout, onProgress})
  })
}

export interface PruneBuildOptions {
  bucket: Bucket
  app: string
  build: string
  digest: string
  /** of a .slugexclude; null: there is none */
  rules: Uint8Array | null
  signingKey: string
  /** an empty one */
  folder: string
  signal: AbortSignal
  stdout: (text: string) => void
  onProgress: (done: number, total: number) => void
}

/**
 * Makes the layer of a build that `digest` stands for, and puts it and a note of it into the bucket.
 * @throws NixError
 */
export async function pruneBuild({bucket, app, build, digest, rules, signingKey, folder, signal, stdout, onProgress}: PruneBuildOptions): Promise<LayerObject> {
  const key = parseSecretKey(signingKey)
  const isOrdered = ({outcome}: SucceededBuild) => layerDigest({...outcome, slugexclude: rules}) === digest
  const record = await requireOrderedBuild(bucket, {app, build, key: key.publicKey}, isOrdered)
  const {layer, file, summary: {kept, dropped, resultKept}} = await pruneLayer(bucket, {record, rules, key: key.publicKey, folder, signal, onProgress})
  stdout(`       ${plural(kept.files, 'file')} kept (${formatBytes(kept.bytes)}), ${plural(dropped.files, 'file')} dropped (${formatBytes(dropped.bytes)}), compressed ${formatBytes(layer.size)}\n`)
  if (!resultKept) stdout(` !     The rules drop ${record.outcome.result} itself, so nothing is left where app/result points.\n`)
  signal.throwIfAborted()
  const published = await publishLayer(bucket, layer, {file, key})
  if (published.kind === 'mended') stdout(` !     The bucket had something else as ${layer.key}; the layer is in its place now.\n`)
  // Whoever reads the file must find what the note says.
  if (published.layer.sha256 !== layer.sha256) await rm(file)
  return published.layer
}
