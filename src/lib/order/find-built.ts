import type {Bucket} from '../bucket/bucket.ts'
import type {RecordStore} from '../build/record-store.ts'
import type {SucceededBuild} from '../build/record.ts'
import {isRecordSignedBy} from '../build/signed-text.ts'
import type {NixConfig} from '../config-vars.ts'
import type {PublicKey} from '../signing/nix-key.ts'

/** What makes two builds the same. */
export interface Wanted {
  tree: string
  /** hex, of the source's tar */
  sha256: string
  config: Pick<NixConfig, 'appName' | 'buildFlags' | 'engine'>
}

/** The newest build of exactly this, whose signature holds and whose layer is there; null when it must be built. */
export async function findBuilt(
  {records, bucket, key}: {records: Pick<RecordStore, 'newestSucceeded'>; bucket: Pick<Bucket, 'head'>; key: PublicKey}, wanted: Wanted,
): Promise<SucceededBuild | null> {
  const {tree, config} = wanted
  // The tree's newest may have had other flags; builds of earlier versions are found by their tree alone.
  const found = await records.newestSucceeded({tree, flags: config.buildFlags}) ?? await records.newestSucceeded({tree})
  if (found === null || !isSameBuild(found.record, wanted) || !isRecordSignedBy(found.record, key)) return null
  return await bucket.head(found.record.outcome.layer.key) === null ? null : found.record
}

export function isSameBuild({app, source, buildFlags, outcome}: SucceededBuild, {tree, sha256, config}: Wanted): boolean {
  return app === config.appName && source.tree === tree && source.sha256 === sha256 && buildFlags === config.buildFlags
    && (config.engine === 'auto' || outcome.engine === config.engine)
}
