import type {Bucket} from '../../lib/bucket/bucket.ts'
import type {NixConfig} from '../../lib/config-vars.ts'
import {EXIT, type ExitCode} from '../../lib/errors.ts'
import {signDone, type Order} from '../../lib/order/order-report.ts'
import {reportStore} from '../../lib/order/report-store.ts'
import {parseSecretKey} from '../../lib/signing/nix-key.ts'
import {describeFailure} from '../build/describe-failure.ts'
import {claimOrder} from './claimed-order.ts'

/** What carrying out an order needs of the world around it. */
export interface OrderEdges {
  bucket: Bucket
  /** an empty one */
  folder: string
  /** the dyno's name */
  dyno: string
  nonce: string
  now: () => Date
  /** gets whole lines */
  stdout: (text: string) => void
  /** aborted, with the NixError that says why, when the dyno is told to stop */
  stopped: AbortSignal
  /** never part of what is said or written */
  secrets: readonly string[]
}

/** The bytes that came of it: sha256 (hex) and size. */
export interface Delivered {
  sha256: string
  size: number
}

/**
 * Claims an order, carries it out and reports.
 * @param work says how far it is, in bytes
 * @returns the dyno's exit status
 */
export async function runOrder(
  order: Order, {signingKey}: Pick<NixConfig, 'signingKey'>, {bucket, dyno, nonce, now, stdout, stopped, secrets}: OrderEdges,
  work: (onProgress: (done: number, total: number) => void) => Promise<Delivered>,
): Promise<ExitCode | 0> {
  const base = {version: 1, order: order.order, dyno, nonce} as const
  const claimed = await claimOrder(reportStore(bucket, order), base, now)
  if (claimed === null) {
    stdout(` !     Order ${order.order} is another dyno's or was called off: this dyno has nothing to do.\n`)
    return EXIT.declined
  }

  try {
    const {sha256, size} = await untilStopped(work((done, total) => claimed.progress(done, total)), stopped)
    await claimed.finish(signDone({...base, state: 'done', sha256, size}, order, parseSecretKey(signingKey)))
    return 0
  } catch (error) {
    const {failure: {code, message, suggestions}, exit} = describeFailure(error, secrets)
    stdout([message, ...suggestions.map(text => `Try: ${text}`)].map(text => ` !     ${text.replaceAll('\n', '\n !     ')}\n`).join(''))
    await claimed.finish({...base, state: 'failed', failure: {code, message, exit, suggestions}}).catch(() => {
      stdout(' !     The bucket could not be told.\n')
    })
    return exit
  }
}

/** The process ends soon after, so work that does not end by itself is not waited for. */
async function untilStopped<Result>(work: Promise<Result>, stopped: AbortSignal): Promise<Result> {
  return Promise.race([work, new Promise<never>((_, reject) => {
    const stop = () => reject(stopped.reason as Error)
    if (stopped.aborted) stop()
    else stopped.addEventListener('abort', stop, {once: true})
  })])
}
