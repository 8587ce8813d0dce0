import {createHash} from 'node:crypto'
import {PassThrough} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import type {Bucket} from '../../src/lib/bucket/bucket.ts'
import {keys} from '../../src/lib/bucket/keys.ts'
import {recordStore} from '../../src/lib/build/record-store.ts'
import type {LeftPath, Outcome, RunningBuild, SucceededBuild} from '../../src/lib/build/record.ts'
import {signRecord} from '../../src/lib/build/signed-text.ts'
import {parseSecretKey} from '../../src/lib/signing/nix-key.ts'
import {fromText} from '../../src/lib/slug/byte-string.ts'
import {layerDigest} from '../../src/lib/slug/layer-digest.ts'
import {writeLayer} from '../../src/lib/slug/layer.ts'

const HASH_NAME = `${'a'.repeat(32)}-hello`
const RESULT = `/nix/store/${HASH_NAME}`
const CLOSURE = [{path: RESULT, narHash: `sha256:${'a'.repeat(52)}`, narSize: 120, references: []}]

export interface Played {
  app: string
  build: string
  /** NIX_SIGNING_KEY */
  signingKey: string
  /** of result/bin/hello */
  program?: string
  /** what the record says of the layer's size, in place of the truth */
  layerSize?: number
  /** what the build made, in place of one program */
  made?: Pick<Outcome, 'closure' | 'layer' | 'result'>
  /** what could not be rewritten in the layer */
  unrewritten?: LeftPath[]
}

/** Does in the bucket what a dyno does that claims a build, without ending it. */
export async function playClaim(bucket: Bucket, {app, build}: Pick<Played, 'app' | 'build'>, dyno: string): Promise<RunningBuild> {
  const claimed = await recordStore(bucket, app).claim(build, {dyno, nonce: 'nonce', claimedAt: new Date().toISOString()})
  if (claimed.kind === 'taken') throw new Error(`build ${build} is ${claimed.record.state}`)
  return claimed.record
}

export async function playLog(bucket: Bucket, {app, build}: Pick<Played, 'app' | 'build'>, segment: number, text: string): Promise<void> {
  await bucket.put(keys.log(app, build, segment), Buffer.from(text))
}

/** Does in the bucket what a dyno does that builds one program with success. */
export async function playSuccess(bucket: Bucket, {app, build, signingKey, program = 'echo hello\n', layerSize, made, unrewritten}: Played, logSegments = 0): Promise<SucceededBuild> {
  const records = recordStore(bucket, app)
  const {record, etag} = await records.require(build)
  const {version, id, createdAt, source, buildFlags, toolbox, dynoSize, timeToLive} = record
  const finished = signRecord({
    version, id, app, createdAt, source, buildFlags, toolbox, dynoSize, timeToLive,
    state: 'succeeded', claim: {dyno: 'run.1', nonce: 'nonce', claimedAt: createdAt}, finishedAt: new Date().toISOString(), logSegments,
    outcome: {
      engine: 'relocate', probe: {}, drvPath: `${RESULT}.drv`,
      ...(made ?? {result: RESULT, closure: CLOSURE, layer: {...await putLayer(bucket, program), ...(layerSize !== undefined && {size: layerSize})}}),
      listing: {key: keys.listing(app, id), sha256: '0'.repeat(64), size: 0}, programs: ['hello'], ...(unrewritten && {unrewritten}),
    },
  }, parseSecretKey(signingKey))
  const stored = await records.replace(finished, etag)
  if (stored === null) throw new Error(`the record of ${build} changed`)
  await records.advancePointers(stored.record)
  return stored.record
}

async function putLayer(bucket: Bucket, program: string): Promise<SucceededBuild['outcome']['layer']> {
  const content = Buffer.from(`#!/bin/bash\n${program}`)
  const sink = new PassThrough()
  const [{sha256, size, unpackedSize}, bytes] = await Promise.all([
    writeLayer({
      rules: null, result: fromText(HASH_NAME), sink,
      entries: [
        {kind: 'directory', path: fromText(HASH_NAME)},
        {kind: 'directory', path: fromText(`${HASH_NAME}/bin`)},
        {kind: 'file', path: fromText(`${HASH_NAME}/bin/hello`), executable: true, size: content.length, read: () => [content]},
      ],
    }),
    buffer(sink),
  ])
  // Two programs would come to one digest, because the closure above is always the same.
  const salt = createHash('sha256').update(program).digest('hex')
  const digest = layerDigest({closure: CLOSURE, result: RESULT, engine: 'relocate', slugexclude: salt})
  await bucket.put(keys.layer(digest), bytes)
  return {key: keys.layer(digest), digest, sha256, size, unpackedSize}
}
