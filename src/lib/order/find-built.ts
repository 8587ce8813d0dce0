import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import type {RecordStore} from '../build/record-store.ts'
import type {SucceededBuild} from '../build/record.ts'
import {isRecordSignedBy} from '../build/signed-text.ts'
import type {NixConfig} from '../config-vars.ts'
import {stays} from '../gc/stays.ts'
import {ownClock, type Waiting} from '../gc/sweep-mark.ts'
import type {PublicKey} from '../signing/nix-key.ts'

/** What makes two builds the same. */
export interface Wanted {
  tree: string
  /** hex, of the source's tar */
  sha256: string
  config: Pick<NixConfig, 'appName' | 'buildFlags' | 'engine'>
}

/**
 * The newest build of exactly this, whose signature holds and whose layer is there; it is kept from being swept, with all that it
 * needs. Null when it must be built.
 */
export async function findBuilt(
  {records, bucket, key, waiting = ownClock}: {records: Pick<RecordStore, 'newestSucceeded'>; bucket: Pick<Bucket, 'head' | 'read' | 'touch'>; key: PublicKey; waiting?: Waiting}, wanted: Wanted,
): Promise<SucceededBuild | null> {
  const {tree, config} = wanted
  // The tree's newest may have had other flags; builds of earlier versions are found by their tree alone.
  const found = await records.newestSucceeded({tree, flags: config.buildFlags}) ?? await records.newestSucceeded({tree})
  if (found === null || !isSameBuild(found.record, wanted) || !isRecordSignedBy(found.record, key)) return null
  const {app, id, outcome} = found.record
  return await stays(bucket, keys.record(app, id), waiting) && await bucket.head(outcome.layer.key) !== null ? found.record : null
}

export function isSameBuild({app, source, buildFlags, outcome}: SucceededBuild, {tree, sha256, config}: Wanted): boolean {
  return app === config.appName && source.tree === tree && source.sha256 === sha256 && buildFlags === config.buildFlags
    && (config.engine === 'auto' || outcome.engine === config.engine)
}
