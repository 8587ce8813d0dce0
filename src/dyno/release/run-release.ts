import type {Bucket} from '../../lib/bucket/bucket.ts'
import {recordStore} from '../../lib/build/record-store.ts'
import type {SucceededBuild} from '../../lib/build/record.ts'
import {verifyRecord} from '../../lib/build/signed-text.ts'
import type {NixConfig} from '../../lib/config-vars.ts'
import {EXIT, NixError, type ExitCode} from '../../lib/errors.ts'
import {reportStore} from '../../lib/redeploy/report-store.ts'
import {signSent, type SlugOrder} from '../../lib/redeploy/slug-report.ts'
import {parseSecretKey} from '../../lib/signing/nix-key.ts'
import type {RunTimeScripts} from '../../lib/slug/run-time-scripts.ts'
import {describeFailure} from '../build/describe-failure.ts'
import {formatBytes} from '../build/text.ts'
import {claimOrder} from './claimed-order.ts'
import {sendSlug} from './send-slug.ts'

/** What POST /dynos told this dyno. */
export interface ReleaseInput {
  /** the order's id */
  order: string
  build: string
  /** where the slug goes */
  url: string
  /** hex; the signed record must agree with both */
  sourceSha256: string
  layerSha256: string
  config: NixConfig
}

export interface ReleaseEdges {
  bucket: Bucket
  scripts: RunTimeScripts
  folder: string
  /** the dyno's name */
  dyno: string
  nonce: string
  now: () => Date
  /** gets whole lines */
  stdout: (text: string) => void
  /** rejects, with the NixError that says why, when the dyno is told to stop */
  stopped: Promise<never>
  /** never part of what is said or written */
  secrets: readonly string[]
}

/**
 * Claims an order, makes the build's slug, uploads it and reports.
 * @returns the dyno's exit status
 */
export async function runRelease({order, build, url, sourceSha256, layerSha256, config}: ReleaseInput, edges: ReleaseEdges): Promise<ExitCode | 0> {
  const {bucket, stdout, dyno, nonce, now, secrets} = edges
  const ordered: SlugOrder = {app: config.appName, build, order}
  const key = parseSecretKey(config.signingKey)
  const base = {version: 1, order, dyno, nonce} as const
  const claimed = await claimOrder(reportStore(bucket, ordered), base, now)
  if (claimed === null) {
    stdout(` !     Order ${order} is another dyno's or was called off: this dyno has nothing to do.\n`)
    return EXIT.declined
  }

  try {
    stdout(`-----> Making the slug of build ${build}\n`)
    const record = await requireRecord()
    const send = sendSlug({
      record, bucket, scripts: edges.scripts, folder: edges.folder, url,
      onProgress: (sent, size) => claimed.progress(sent, size),
      onWarning: text => stdout(` !     ${text}\n`),
    })
    const sent = await Promise.race([send, edges.stopped])
    await claimed.finish(signSent({...base, state: 'sent', ...sent}, ordered, key))
    stdout(`-----> Uploaded a slug of ${formatBytes(sent.size)}\n`)
    return 0
  } catch (error) {
    const {failure: {code, message, suggestions}, exit} = describeFailure(error, secrets)
    stdout([message, ...suggestions.map(text => `Try: ${text}`)].map(text => ` !     ${text.replaceAll('\n', '\n !     ')}\n`).join(''))
    await claimed.finish({...base, state: 'failed', failure: {code, message, exit, suggestions}}).catch(() => {
      stdout(' !     The bucket could not be told.\n')
    })
    return exit
  }

  async function requireRecord(): Promise<SucceededBuild> {
    const {record} = await recordStore(bucket, config.appName).require(build)
    if (record.state === 'succeeded') {
      verifyRecord(record, {app: config.appName, id: build, key: key.publicKey})
      if (record.source.sha256 === sourceSha256 && record.outcome.layer.sha256 === layerSha256) return record
    }

    throw new NixError(`The record of build ${build} is not the one that was to be released.`, {
      code: 'WRONG_RECORD', exit: EXIT.verification, suggestions: ['heroku nix:redeploy'],
    })
  }
}
