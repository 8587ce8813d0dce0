import {randomBytes} from 'node:crypto'
import {mkdir} from 'node:fs/promises'
import {setTimeout as delay} from 'node:timers/promises'
import {BUILD_WAITS, patientBucket} from '../../lib/bucket/patient-bucket.ts'
import {s3Bucket} from '../../lib/bucket/s3-bucket.ts'
import {isBuildId} from '../../lib/build/id.ts'
import {parseConfig, SECRET_CONFIG_VARS} from '../../lib/config-vars.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import type {RunTimeScripts} from '../../lib/slug/run-time-scripts.ts'
import {takeVariables, type Variables} from '../variables.ts'
import {runRelease, type ReleaseInput} from './run-release.ts'

/** Texts of what every slug carries; scripts/build.ts puts them in. */
declare const RUN_TIME_SCRIPTS: RunTimeScripts

/** Beside what the loader made. */
const FOLDER = '/app/.nix-build/slug'
/** Heroku kills 30 s after SIGTERM. */
const LAST_MS = 25_000

/** `dyno.mjs release ORDER`, on a real dyno: file descriptor 3 holds the variables. Ends the process. */
export async function startRelease(order: string): Promise<never> {
  const variables = takeVariables()
  const stopped = new Promise<never>((_, reject) => {
    process.on('SIGTERM', () => {
      reject(new NixError('The dyno was told to stop (SIGTERM) before it had uploaded the slug.', {
        code: 'INTERRUPTED', exit: EXIT.buildLost, suggestions: ['heroku nix:redeploy'],
      }))
      setTimeout(() => process.exit(EXIT.buildLost), LAST_MS).unref()
    })
  })
  stopped.catch(() => undefined)
  const input = readInput(order, variables)
  const stdout = (text: string) => {
    process.stdout.write(text)
  }

  const bucket = patientBucket(s3Bucket(input.config.bucket), {
    waits: BUILD_WAITS, wait: seconds => delay(seconds * 1000),
    onWait: (error, seconds) => stdout(` !     ${error.message} Trying again in ${seconds} s.\n`),
  })
  await mkdir(FOLDER)
  const status = await runRelease(input, {
    bucket, stdout, stopped, scripts: RUN_TIME_SCRIPTS, folder: FOLDER,
    dyno: variables['DYNO'] ?? 'unknown', nonce: randomBytes(16).toString('hex'), now: () => new Date(),
    secrets: [...SECRET_CONFIG_VARS.map(name => variables[name] ?? ''), input.url],
  })
  // What standard output holds back goes first.
  return new Promise<never>(() => {
    process.stdout.write('', () => process.exit(status))
  })
}

function readInput(order: string, variables: Variables): ReleaseInput {
  const {NIX_SLUG_BUILD: build = '', NIX_SLUG_URL: url = '', NIX_SOURCE_SHA256: sourceSha256 = '', NIX_LAYER_SHA256: layerSha256 = ''} = variables
  if (!isBuildId(order) || !isBuildId(build) || url === '') {
    throw new NixError('NIX_SLUG_BUILD and NIX_SLUG_URL are not set: this dyno was not started by nix:redeploy.', {
      code: 'NO_SLUG_ORDER', exit: EXIT.usage, suggestions: ['heroku nix:redeploy'],
    })
  }

  return {order, build, url, sourceSha256, layerSha256, config: parseConfig(variables, variables['NIX_APP_NAME'] ?? 'this app')}
}
