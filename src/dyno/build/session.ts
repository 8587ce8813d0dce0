import {randomBytes} from 'node:crypto'
import {writeSync} from 'node:fs'
import {readFile, writeFile} from 'node:fs/promises'
import {setTimeout as delay} from 'node:timers/promises'
import type {Bucket} from '../../lib/bucket/bucket.ts'
import {BUILD_WAITS, patientBucket} from '../../lib/bucket/patient-bucket.ts'
import {s3Bucket} from '../../lib/bucket/s3-bucket.ts'
import type {BuildSource} from '../../lib/build/record.ts'
import {parseConfig, type NixConfig} from '../../lib/config-vars.ts'
import {EXIT} from '../../lib/errors.ts'
import {parsePinnedTools} from '../../lib/tools/lock.ts'
import {takeVariables, type Variables} from '../variables.ts'
import {buildProject} from './build-flow.ts'
import {interrupted} from './describe-failure.ts'
import {BUILD_LAYOUT} from './layout.ts'
import {runBuild} from './run-build.ts'

/** What Nix starts for each derivation, as text; scripts/build.ts puts it in. */
declare const EXTERNAL_BUILDER_PROGRAM: string

/** Heroku kills 30 s after SIGTERM; what is not told by then never is. */
const LAST_MS = 25_000

/** A build's process: what it was given, and how it is told to end. */
export interface Session {
  variables: Variables
  config: NixConfig
  bucket: Bucket
  stdout: (text: string | Uint8Array) => void
  /** aborted with the NixError that says why */
  interruption: AbortSignal
  /** times that the terminal was lost so far (SIGHUP), which Nix ends of and this process does not */
  hangups: {readonly count: number}
}

export interface BuildOrder {
  id: string
  source: BuildSource
  /** who builds, where that is no dyno */
  builder?: string
  /** whether standard output gets the whole log, because somebody reads it */
  isShown: boolean
}

/** On a real dyno or build machine: file descriptor 3 holds the variables. */
export function openSession(): Session {
  const variables = takeVariables()
  const interruption = new AbortController()
  const hangups = {count: 0}
  process.on('SIGHUP', () => {
    hangups.count += 1
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      interruption.abort(interrupted(signal))
      setTimeout(() => process.exit(EXIT.buildLost), LAST_MS).unref()
    })
  }

  const stdout = (text: string | Uint8Array) => {
    // A terminal that nobody reads would in time keep the writer waiting.
    if (hangups.count === 0) writeStdout(text)
  }

  const config = parseConfig(variables, variables['NIX_APP_NAME'] ?? 'this app')
  const bucket = patientBucket(s3Bucket(config.bucket), {
    waits: BUILD_WAITS,
    wait: seconds => delay(seconds * 1000, undefined, {signal: interruption.signal}),
    onWait: (error, seconds) => stdout(` !     ${error.message} Trying again in ${seconds} s.\n`),
  })
  return {variables, config, bucket, stdout, interruption: interruption.signal, hangups}
}

/** Builds what was ordered. @returns the process's exit status */
export async function runOrdered({id, source, builder, isShown}: BuildOrder, session: Session): Promise<number> {
  const {variables, config, bucket, stdout, interruption, hangups} = session
  await writeFile(BUILD_LAYOUT.externalBuilder, EXTERNAL_BUILDER_PROGRAM)
  return runBuild(id, config, variables, {
    bucket, stdout, isShown,
    builder: builder ?? variables['DYNO'] ?? 'unknown',
    now: () => new Date(),
    wait: ms => delay(ms),
    nonce: randomBytes(16).toString('hex'),
    interruption,
    build: async work => buildProject({
      ...work, source, config, bucket, hangups, wait: ms => delay(ms),
      lock: parsePinnedTools(await readFile(BUILD_LAYOUT.lock, 'utf8'), BUILD_LAYOUT.lock),
      nixVersion: variables['NIX_VERSION'] ?? null,
      nixPath: variables['NIX_PATH'] ?? '',
      toolsFolder: variables['NIX_TOOLS_DIR'] ?? null,
    }),
  })
}

/** At once and whole: what a pipe holds back is lost when the process ends. */
function writeStdout(text: string | Uint8Array): void {
  const bytes = Buffer.from(text)
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(1, bytes, done)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
        // Nobody reads any more; the bucket has the log.
        return
      }
    }
  }
}
