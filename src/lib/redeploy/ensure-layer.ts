import {readFile} from 'node:fs/promises'
import type {LayerObject, SucceededBuild} from '../build/record.ts'
import {EXIT, NixError} from '../errors.ts'
import {findLayer} from '../layers/noted-layers.ts'
import {formatBytes} from '../output/units.ts'
import {layerDigest} from '../slug/layer-digest.ts'
import {parseRules} from '../slugexclude/parse-rules.ts'
import {prepareOrder, orderWorld} from './prepare-order.ts'
import {pruneByDyno} from './prune-by-dyno.ts'
import type {RedeployWorld} from './redeploy-world.ts'

/** A .slugexclude other than the build's. */
export interface GivenRules {
  /** as it was named */
  file: string
  bytes: Buffer
}

/** @param file an absolute path @throws NixError UNREADABLE_FILE, BAD_SLUGEXCLUDE */
export async function readGivenRules(file: string, named: string): Promise<GivenRules> {
  let bytes: Buffer
  try {
    bytes = await readFile(file)
  } catch (error) {
    throw new NixError(`--slugexclude names ${named}, which cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}.`, {
      code: 'UNREADABLE_FILE', exit: EXIT.usage, suggestions: [`ls -l ${named}`], cause: error,
    })
  }

  parseRules(bytes, {file: named})
  return {file: named, bytes}
}

/**
 * The layer of a build, pruned by other rules than its own: the one it has where they come to the same, else one that was made
 * before, else a new one. A dyno makes it, whoever moves the slug: its Node is pinned, and compresses to the same bytes each time.
 */
export async function ensureLayer(record: SucceededBuild, {file, bytes}: GivenRules, world: RedeployWorld): Promise<LayerObject> {
  const {outcome} = record
  const {bucket, key, tell} = world
  const digest = layerDigest({...outcome, slugexclude: bytes})
  if (digest === outcome.layer.digest) return outcome.layer
  const found = await findLayer(bucket, {digest, key, onRefused: tell.warn})
  if (found !== null) {
    tell.say(`The closure was pruned by ${file} before: ${formatBytes(found.size)} in place of ${formatBytes(outcome.layer.size)}`)
    return found
  }

  const options = await prepareOrder(record, world)
  const {layer} = await tell.step(`Pruning build ${record.id} by ${file}`,
    () => pruneByDyno({...options, rules: bytes, digest}, orderWorld(world, 'starting')), ({dyno}) => `done, by ${dyno}`)
  tell.say(`Pruned by ${file}, the layer has ${formatBytes(layer.size)} in place of ${formatBytes(outcome.layer.size)}`)
  return layer
}
