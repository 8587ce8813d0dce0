import {createWriteStream} from 'node:fs'
import path from 'node:path'
import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import type {LayerObject, SucceededBuild} from '../build/record.ts'
import {EXIT, NixError} from '../errors.ts'
import {baseNameOf} from '../nix/store-path.ts'
import {closureEntries} from '../restore/closure-entries.ts'
import {findPaths} from '../restore/find-paths.ts'
import type {PublicKey} from '../signing/nix-key.ts'
import type {SlugEntry} from '../slug/entry.ts'
import {layerDigest} from '../slug/layer-digest.ts'
import {writeLayer, type LayerSummary} from '../slug/layer.ts'
import {parseRules} from '../slugexclude/parse-rules.ts'

export interface PruneOptions {
  /** its signature was checked */
  record: SucceededBuild
  /** of a .slugexclude; null: there is none */
  rules: Uint8Array | null
  key: PublicKey
  /** an empty folder on disk */
  folder: string
  signal?: AbortSignal
  /** bytes of file contents so far, dropped ones too, and how many there are in all, about */
  onProgress?: (done: number, total: number) => void
}

export interface PrunedLayer {
  layer: LayerObject
  /** where its bytes are, in the folder */
  file: string
  summary: LayerSummary
}

/**
 * Makes a build's layer anew with other rules: the closure's paths off the bucket, each checked against what the signed record
 * says, relocated and pruned as they come. The layer is the one that a build with these rules makes, byte for byte.
 * @throws NixError of findPaths and closureEntries, BAD_RULES, CANNOT_PRUNE
 */
export async function pruneLayer(bucket: Pick<Bucket, 'fill' | 'name' | 'read' | 'stream'>, {record, rules, key, folder, signal, onProgress = () => undefined}: PruneOptions): Promise<PrunedLayer> {
  const {closure, result, engine} = record.outcome
  if (engine !== 'relocate') {
    throw new NixError(`Build ${record.id} was made by the ${engine} engine, whose layers only a build can make.`, {
      code: 'CANNOT_PRUNE', exit: EXIT.slug, suggestions: ['heroku nix:build'],
    })
  }

  const parsed = rules === null ? null : parseRules(rules)
  const paths = await findPaths(bucket, closure.map(({path, narHash}) => ({path, narHash})), {trusted: [key]})
  signal?.throwIfAborted()
  const total = closure.reduce((sum, {narSize}) => sum + narSize, 0)
  const file = path.join(folder, 'layer.tar.gz')
  const summary = await writeLayer({
    entries: counted(closureEntries(bucket, paths, {scratch: folder}), done => onProgress(Math.min(done, total), total)),
    rules: parsed, result: baseNameOf(result), sink: createWriteStream(file), ...(signal && {signal}),
  })
  const digest = layerDigest({closure, result, engine, slugexclude: rules})
  const {sha256, size, unpackedSize} = summary
  return {layer: {key: keys.layer(digest), digest, sha256, size, unpackedSize}, file, summary}
}

async function* counted(entries: AsyncIterable<SlugEntry>, onBytes: (bytes: number) => void): AsyncGenerator<SlugEntry, void> {
  let bytes = 0
  for await (const entry of entries) {
    yield entry
    if (entry.kind !== 'file') continue
    bytes += entry.size
    onBytes(bytes)
  }
}
