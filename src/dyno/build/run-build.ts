import type {Bucket} from '../../lib/bucket/bucket.ts'
import {logWriter, type LogWriter} from '../../lib/build/log-writer.ts'
import {recordStore} from '../../lib/build/record-store.ts'
import type {Outcome, RunningBuild, SucceededBuild} from '../../lib/build/record.ts'
import {redactor} from '../../lib/build/redact.ts'
import {SECRET_CONFIG_VARS, type NixConfig} from '../../lib/config-vars.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import {sweepMark, unswept} from '../../lib/gc/sweep-mark.ts'
import {parseSecretKey} from '../../lib/signing/nix-key.ts'
import type {Variables} from '../variables.ts'
import {claimedBuild, type ClaimedBuild} from './claimed-build.ts'
import {describeFailure} from './describe-failure.ts'
import {startHeartbeat} from './heartbeat.ts'
import {buildOutput, type Output} from './output.ts'
import {plural} from '../../lib/output/plural.ts'

/** What a build needs of the world around it. */
export interface BuildEdges {
  bucket: Bucket
  now: () => Date
  /** tells this claim from any other */
  nonce: string
  stdout: (text: string | Uint8Array) => void
  /** whether standard output gets the whole log */
  isShown?: boolean
  /** the dyno's name, or what else builds */
  builder?: string
  /** aborted with the NixError that says why: SIGTERM */
  interruption: AbortSignal
  wait: (ms: number) => Promise<void>
  /** Makes the outcome; its work is this dyno's. */
  build: (work: {record: RunningBuild; output: Output; signal: AbortSignal}) => Promise<Outcome>
}

/** How long Nix may take to end what it does, and what was built to be saved, of the 30 s that Heroku gives. */
const WORK_END_MS = 18_000

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

  const claimed = await records.claim(id, {dyno: edges.builder ?? variables['DYNO'] ?? 'unknown', nonce: edges.nonce, claimedAt: now().toISOString()})
  if (claimed.kind === 'taken') {
    const {record} = claimed
    const by = record.state !== 'pending' && record.claim ? ` by dyno ${record.claim.dyno}` : ''
    stdout(` !     Build ${id} is ${record.state} already${by}: this dyno has nothing to do.\n`)
    return EXIT.declined
  }

  const build = claimedBuild(records, claimed, now)
  const log = logWriter({bucket, app, build: id, redactor: redactor(secrets)})
  const output = buildOutput({log, stdout, secrets, isShown: edges.isShown ?? false})
  const taken = new AbortController()
  const stop = AbortSignal.any([interruption, taken.signal])
  const stopHeartbeat = startHeartbeat(build, {segments: () => log.segments, onTaken: error => taken.abort(error)})
  let record: SucceededBuild
  try {
    const outcome = await untilStopped(edges.build({record: build.record, output, signal: stop}), stop, edges.wait)
    await output.step('Signing the build\'s record')
    await log.close()
    await stopHeartbeat()
    record = await build.succeed(outcome, log.segments, key)
  } catch (error) {
    await stopHeartbeat()
    // What the work failed with after it was told to stop is how it stopped, not why.
    return giveUp(build, stop.aborted ? stop.reason : error, {secrets, output, log, stdout})
  }

  const seconds = Math.round((Date.parse(record.finishedAt) - Date.parse(record.claim.claimedAt)) / 1000)
  stdout(`-----> Build ${id} succeeded in ${plural(seconds, 'second')}\n`)
  try {
    const mark = await sweepMark(bucket)
    await records.advancePointers(record)
    // A sweep that had found a pointer to lead nowhere may have taken it away after that.
    if (await unswept(bucket, edges) !== mark) await records.advancePointers(record)
    return 0
  } catch (error) {
    const {failure, exit} = describeFailure(error, secrets)
    stdout(` !     It is not listed as the newest of its commit: ${failure.message}\n !     Try: heroku nix:redeploy --build ${id}\n`)
    return exit
  }
}

/** The work's outcome; once stopped, the reason, when the work has ended or has had its time to. */
async function untilStopped<Result>(work: Promise<Result>, stop: AbortSignal, wait: BuildEdges['wait']): Promise<Result> {
  const stopped = new Promise<never>((_, reject) => {
    const onStop = () => {
      void Promise.race([work.catch(() => undefined), wait(WORK_END_MS)]).then(() => {
        reject(stop.reason as Error)
      })
    }

    if (stop.aborted) {
      onStop()
    } else {
      stop.addEventListener('abort', onStop, {once: true})
    }
  })
  return Promise.race([work, stopped])
}

interface GivingUp {
  secrets: readonly string[]
  output: Output
  log: LogWriter
  stdout: (text: string | Uint8Array) => void
}

/** Says in log and record why a build has no outcome; where the bucket cannot be told, standard output still is. */
async function giveUp(build: ClaimedBuild, reason: unknown, {secrets, output, log, stdout}: GivingUp): Promise<number> {
  const {state, failure, exit} = describeFailure(reason, secrets)
  const unsaid: unknown[] = []
  const attempt = async (act: () => Promise<void>) => {
    await act().catch((error: unknown) => unsaid.push(error))
  }

  await attempt(() => output.warn([failure.message, ...failure.suggestions.map(suggestion => `Try: ${suggestion}`)].join('\n')))
  stdout(` !     Its whole log: heroku nix:build --follow ${build.record.id}\n`)
  await attempt(() => log.close())
  if (!(reason instanceof NixError && reason.code === 'BUILD_TAKEN')) {
    await attempt(() => build.fail(state, failure, log.segments))
  }

  if (unsaid.length > 0) {
    stdout(` !     The bucket could not be told: ${describeFailure(unsaid.at(-1), secrets).failure.message}\n`)
  }

  return exit
}
