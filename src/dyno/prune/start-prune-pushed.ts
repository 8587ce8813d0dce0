import {mkdir, readFile} from 'node:fs/promises'
import {setTimeout as delay} from 'node:timers/promises'
import {BUILD_WAITS, patientBucket} from '../../lib/bucket/patient-bucket.ts'
import {s3Bucket} from '../../lib/bucket/s3-bucket.ts'
import {parseConfig} from '../../lib/config-vars.ts'
import {EXIT} from '../../lib/errors.ts'
import {takeVariables} from '../variables.ts'
import {pruneBuild} from './run-prune.ts'

/** Where the layer is left, for the buildpack: PRUNE_LAYER of buildpack/lib/prune.sh. */
const FOLDER = '/app/.nix-build/pruned'

/**
 * `dyno.mjs prune-pushed BUILD DIGEST [SLUGEXCLUDE]`, on a build machine, where file descriptor 3 holds the variables: makes
 * the layer that DIGEST stands for, for the bucket and for this push.
 */
export async function startPrunePushed([build = '', digest = '', slugexclude]: readonly string[]): Promise<void> {
  const variables = takeVariables()
  const config = parseConfig(variables, variables['NIX_APP_NAME'] ?? 'this app')
  const stdout = (text: string) => {
    process.stdout.write(text)
  }

  const s3 = s3Bucket(config.bucket)
  const bucket = patientBucket(s3, {
    waits: BUILD_WAITS, wait: seconds => delay(seconds * 1000),
    onWait: (error, seconds) => stdout(` !     ${error.message} Trying again in ${seconds} s.\n`),
  })
  // A push that is ended takes nothing back: what is whole in the bucket by then serves the next one.
  process.on('SIGTERM', () => process.exit(EXIT.buildLost))
  await mkdir(FOLDER)
  try {
    await pruneBuild({
      bucket, build, digest, app: config.appName, signingKey: config.signingKey, folder: FOLDER, stdout,
      rules: slugexclude === undefined ? null : await readFile(slugexclude), signal: new AbortController().signal, onProgress: () => undefined,
    })
  } finally {
    s3.close()
  }
}
