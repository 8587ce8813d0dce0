import type {Bucket} from '../../lib/bucket/bucket.ts'
import {logWriter} from '../../lib/build/log-writer.ts'
import {recordStore} from '../../lib/build/record-store.ts'
import type {Outcome, RunningBuild} from '../../lib/build/record.ts'
import {redactor} from '../../lib/build/redact.ts'
import {SECRET_CONFIG_VARS, type NixConfig} from '../../lib/config-vars.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import {parseSecretKey} from '../../lib/signing/nix-key.ts'
import type {Variables} from '../variables.ts'
import {claimedBuild, type ClaimedBuild} from './claimed-build.ts'
import {describeFailure} from './describe-failure.ts'
import {startHeartbeat} from './heartbeat.ts'
import {buildOutput, type Output} from './output.ts'
import {plural} from './text.ts'

/** What a build needs of the world around it. */
export interface BuildEdges {
  bucket: Bucket
  now: () => Date
  /** tells this claim from any other */
  nonce: string
  /** gets whole lines */
  stdout: (text: string) => void
  /** aborted with the NixError that says why: SIGTERM */
  interruption: AbortSignal
  /** Makes the outcome; its work is this dyno's. */
  build: (work: {record: RunningBuild; output: Output; signal: AbortSignal}) => Promise<Outcome>
}

/**
 * Claims a build, runs it and finishes its record, whatever happens.
 * @returns the dyno's exit status
 */
export async function runBuild(id: string, config: NixConfig, variables: Variables, edges: BuildEdges): Promise<number> {
  const {bucket, now, stdout, interruption} = edges
  const app = config.appName
  const records = recordStore(bucket, app)
  const secrets = SECRET_CONFIG_VARS.map(name => variables[name] ?? '')
  const key = parseSecretKey(config.signingKey)

  const claimed = await records.claim(id, {dyno: variables['DYNO'] ?? 'unknown', nonce: edges.nonce, claimedAt: now().toISOString()})
  if (claimed.kind === 'taken') {
    const {record} = claimed
    const by = record.state !== 'pending' && record.claim ? ` by dyno ${record.claim.dyno}` : ''
    stdout(` !     Build ${id} is ${record.state} already${by}: this dyno has nothing to do.\n`)
    return EXIT.declined
  }

  const build = claimedBuild(records, claimed, now)
  const log = logWriter({bucket, app, build: id, redactor: redactor(secrets)})
  const output = buildOutput({log, stdout, secrets})
  const taken = new AbortController()
  const stopHeartbeat = startHeartbeat(build, {segments: () => log.segments, onTaken: error => taken.abort(error)})
  try {
    const outcome = await edges.build({record: build.record, output, signal: AbortSignal.any([interruption, taken.signal])})
    const seconds = Math.round((now().getTime() - Date.parse(build.record.claim.claimedAt)) / 1000)
    await output.step(`Build ${id} succeeded in ${plural(seconds, 'second')}`)
    await output.say('Release it with: heroku nix:redeploy')
    await log.close()
    await stopHeartbeat()
    const record = await build.succeed(outcome, log.segments, key)
    await records.advancePointers(record)
    return 0
  } catch (error) {
    await stopHeartbeat()
    // What the work failed with after it was told to stop is how it stopped, not why.
    const reason: unknown = interruption.aborted ? interruption.reason : taken.signal.aborted ? taken.signal.reason : error
    return await giveUp(build, reason, secrets, {output, log})
  }
}

/** Says in log and record why a build has no outcome; where the bucket cannot be told, standard output still is. */
async function giveUp(build: ClaimedBuild, reason: unknown, secrets: readonly string[], {output, log}: {output: Output; log: ReturnType<typeof logWriter>}): Promise<number> {
  const {state, failure, exit} = describeFailure(reason, secrets)
  const lines = [failure.message, ...failure.suggestions.map(suggestion => `Try: ${suggestion}`)]
  const bucketFailures: unknown[] = []
  const attempt = async (act: () => Promise<void>) => {
    try {
      await act()
    } catch (error) {
      bucketFailures.push(error)
    }
  }

  await attempt(() => output.warn(lines.join('\n')))
  await attempt(() => log.close())
  if (!(reason instanceof NixError && reason.code === 'BUILD_TAKEN')) {
    await attempt(() => build.fail(state, failure, log.segments))
  }

  return exit
}
