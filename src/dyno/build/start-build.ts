import {randomBytes} from 'node:crypto'
import {readFile, writeFile} from 'node:fs/promises'
import {writeSync} from 'node:fs'
import {setTimeout as delay} from 'node:timers/promises'
import {BUILD_WAITS, patientBucket} from '../../lib/bucket/patient-bucket.ts'
import {s3Bucket} from '../../lib/bucket/s3-bucket.ts'
import {orderedSource} from '../../lib/build/ordered-source.ts'
import {parseConfig} from '../../lib/config-vars.ts'
import {EXIT} from '../../lib/errors.ts'
import {parsePinnedTools} from '../../lib/tools/lock.ts'
import {takeVariables} from '../variables.ts'
import {buildProject} from './build-flow.ts'
import {interrupted} from './describe-failure.ts'
import {BUILD_LAYOUT} from './layout.ts'
import {runBuild} from './run-build.ts'

/** What Nix starts for each derivation, as text; scripts/build.ts puts it in. */
declare const EXTERNAL_BUILDER_PROGRAM: string

/** Heroku kills 30 s after SIGTERM; what is not told by then never is. */
const LAST_MS = 25_000

/** `dyno.mjs build ID`, on a real dyno: file descriptor 3 holds the variables. Ends the process. */
export async function startBuild(id: string): Promise<never> {
  const variables = takeVariables()
  const interruption = new AbortController()
  const stdout = (text: string) => {
    writeStdout(text)
  }

  process.on('SIGTERM', () => {
    interruption.abort(interrupted())
    setTimeout(() => process.exit(EXIT.buildLost), LAST_MS).unref()
  })

  const source = orderedSource(variables)
  await writeFile(BUILD_LAYOUT.externalBuilder, EXTERNAL_BUILDER_PROGRAM)
  const config = parseConfig(variables, variables['NIX_APP_NAME'] ?? 'this app')
  const bucket = patientBucket(s3Bucket(config.bucket), {
    waits: BUILD_WAITS,
    wait: seconds => delay(seconds * 1000, undefined, {signal: interruption.signal}),
    onWait: (error, seconds) => stdout(` !     ${error.message} Trying again in ${seconds} s.\n`),
  })
  const status = await runBuild(id, config, variables, {
    bucket, stdout,
    now: () => new Date(),
    wait: ms => delay(ms),
    nonce: randomBytes(16).toString('hex'),
    interruption: interruption.signal,
    build: async work => buildProject({
      ...work, source, config, bucket, wait: ms => delay(ms),
      lock: parsePinnedTools(await readFile(BUILD_LAYOUT.lock, 'utf8'), BUILD_LAYOUT.lock),
      nixVersion: variables['NIX_VERSION'] ?? null,
      nixPath: variables['NIX_PATH'] ?? '',
    }),
  })
  process.exit(status)
}

/** At once and whole: what a pipe holds back is lost when the process ends. */
function writeStdout(text: string): void {
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
