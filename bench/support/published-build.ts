import {createWriteStream} from 'node:fs'
import type {Bucket} from '../../src/lib/bucket/bucket.ts'
import {keys} from '../../src/lib/bucket/keys.ts'
import type {ClosurePath, SucceededBuild} from '../../src/lib/build/record.ts'
import {recordStore} from '../../src/lib/build/record-store.ts'
import {signRecord} from '../../src/lib/build/signed-text.ts'
import {baseNameOf} from '../../src/lib/nix/store-path.ts'
import type {SecretKey} from '../../src/lib/signing/nix-key.ts'
import {layerDigest} from '../../src/lib/slug/layer-digest.ts'
import {writeLayer} from '../../src/lib/slug/layer.ts'
import {walkView} from '../../src/lib/slug/walk-view.ts'

export interface Published {
  record: SucceededBuild
  /** keys of what a restore needs */
  keys: {pointer: string; record: string; layer: string}
}

/** Puts a build of a commit into a bucket, with the layer of its closure, as a build's dyno does. @param view holds the closure */
export async function publishBuild(
  bucket: Bucket, {app, commit, view, closure, result, key, scratch}: {
    app: string; commit: string; view: string; closure: ClosurePath[]; result: string; key: SecretKey; scratch: string
  },
): Promise<Published> {
  const file = `${scratch}/published.tar.gz`
  const {sha256, size, unpackedSize} = await writeLayer({
    entries: walkView(view, closure.map(({path}) => baseNameOf(path))), rules: null, result: baseNameOf(result), sink: createWriteStream(file),
  })
  const digest = layerDigest({closure, result, slugexclude: null, engine: 'relocate'})
  const id = '20261123-093000-ab12'
  const record = signRecord({
    version: 1, id, app, createdAt: '2026-11-23T09:30:00.000Z', state: 'succeeded', source: {commit, tree: 'e'.repeat(40), sha256: 'c'.repeat(64)},
    buildFlags: '', toolbox: 'd'.repeat(64), dynoSize: null, timeToLive: 3600, finishedAt: '2026-11-23T09:31:00.000Z', logSegments: 1,
    claim: {dyno: 'run.1234', nonce: 'nonce', claimedAt: '2026-11-23T09:30:05.000Z'},
    outcome: {
      engine: 'relocate', probe: {}, result, drvPath: null, closure, programs: [],
      layer: {key: keys.layer(digest), digest, sha256, size, unpackedSize}, listing: {key: keys.listing(app, id), sha256: 'f'.repeat(64), size: 0},
    },
  }, key)
  await bucket.put(record.outcome.layer.key, {file})
  await bucket.put(keys.record(app, id), Buffer.from(JSON.stringify(record)))
  await recordStore(bucket, app).advancePointers(record)
  return {record, keys: {pointer: keys.commit(app, commit), record: keys.record(app, id), layer: record.outcome.layer.key}}
}
