import {randomBytes} from 'node:crypto'
import {mkdir} from 'node:fs/promises'
import {setTimeout as delay} from 'node:timers/promises'
import {BUILD_WAITS, patientBucket} from '../../lib/bucket/patient-bucket.ts'
import {s3Bucket} from '../../lib/bucket/s3-bucket.ts'
import {parseConfig, SECRET_CONFIG_VARS, type NixConfig} from '../../lib/config-vars.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import {takeVariables, type Variables} from '../variables.ts'
import type {OrderEdges} from './run-order.ts'

/** Beside what the loader made. */
const FOLDER = '/app/.nix-build/order'
/** Heroku kills 30 s after SIGTERM. */
const LAST_MS = 25_000

/**
 * Carries out an order on a real dyno, where file descriptor 3 holds the variables. Ends the process.
 * @param done continues "before it had"
 * @param secret variables that are secret besides the config vars
 */
export async function startOrder(
  {done, secret}: {done: string; secret: readonly string[]}, carryOut: (input: {variables: Variables; config: NixConfig}, edges: OrderEdges) => Promise<number>,
): Promise<never> {
  const variables = takeVariables()
  const stopping = new AbortController()
  process.on('SIGTERM', () => {
    stopping.abort(new NixError(`The dyno was told to stop (SIGTERM) before it had ${done}.`, {
      code: 'INTERRUPTED', exit: EXIT.buildLost, suggestions: ['heroku nix:redeploy'],
    }))
    setTimeout(() => process.exit(EXIT.buildLost), LAST_MS).unref()
  })
  const stdout = (text: string) => {
    process.stdout.write(text)
  }

  const config = parseConfig(variables, variables['NIX_APP_NAME'] ?? 'this app')
  const bucket = patientBucket(s3Bucket(config.bucket), {
    waits: BUILD_WAITS, wait: seconds => delay(seconds * 1000),
    onWait: (error, seconds) => stdout(` !     ${error.message} Trying again in ${seconds} s.\n`),
  })
  await mkdir(FOLDER)
  const status = await carryOut({variables, config}, {
    bucket, stdout, stopped: stopping.signal, folder: FOLDER,
    dyno: variables['DYNO'] ?? 'unknown', nonce: randomBytes(16).toString('hex'), now: () => new Date(),
    secrets: [...SECRET_CONFIG_VARS, ...secret].map(name => variables[name] ?? ''),
  })
  // What standard output holds back goes first.
  return new Promise<never>(() => {
    process.stdout.write('', () => process.exit(status))
  })
}
