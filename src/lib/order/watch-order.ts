import {EXIT, NixError} from '../errors.ts'
import type {Platform} from '../platform/platform.ts'
import type {PublicKey} from '../signing/nix-key.ts'
import {dynoLookout} from './dyno-lookout.ts'
import {isDoneSignedBy, type DoneOrder, type FailedOrder, type Order} from './order-report.ts'
import {outOfMemory} from './out-of-memory.ts'
import type {ReportStore} from './report-store.ts'

export interface WatchOrderWorld {
  reports: Pick<ReportStore, 'read'>
  /** Asked once and without patience. */
  platform: Pick<Platform, 'dyno' | 'dynos' | 'logUrl'>
  /** NIX_SIGNING_KEY's */
  key: PublicKey
  /** Between two rounds. */
  wait: () => Promise<void>
  /** milliseconds, monotonic */
  elapsed: () => number
  /** bytes, of the attempt under way; `total` is null until it is known */
  onProgress: (done: number, total: number | null) => void
}

/** What messages say of each kind of order. */
const WORDS = {
  slug: {done: 'uploaded the slug', otherwise: ['heroku nix:redeploy --via local, which uploads from this machine']},
  layer: {done: 'pruned the layer', otherwise: []},
} as const

/**
 * Waits until the dyno has made what was ordered.
 * @param dyno its name
 * @throws NixError with the dyno's own failure; DYNO_LOST or OUT_OF_MEMORY within 15 s when it has gone; BAD_SIGNATURE
 */
export async function watchOrder(order: Order, dyno: string, {reports, platform, key, wait, elapsed, onProgress}: WatchOrderWorld): Promise<DoneOrder> {
  const lookout = dynoLookout(order.order, dyno, {platform, elapsed})
  let etag = ''
  let changedAt = elapsed()
  let gone = false
  for (;;) {
    const found = await reports.read()
    if (found !== null && found.etag !== etag) {
      etag = found.etag
      changedAt = elapsed()
    }

    const report = found?.report
    switch (report?.state) {
      case 'done':
        return requireSigned(report, order, key)
      case 'failed':
        throw failed(report.failure, report.dyno)
      case 'cancelled':
        throw lost(order, 'The order to a dyno was called off.')
      case 'running':
        onProgress(report.done, report.total)
        break
      case undefined:
    }

    // Its last word may have come with its end, so it is read once more after the dyno was found to be gone.
    if (gone) throw await goneFor(order, dyno, platform)
    gone = (await lookout.look(elapsed() - changedAt)).gone === true
    if (!gone) await wait()
  }
}

function requireSigned(report: DoneOrder, order: Order, key: PublicKey): DoneOrder {
  if (isDoneSignedBy(report, order, key)) return report
  throw new NixError(`What dyno ${report.dyno} says of its ${order.what} is not signed with NIX_SIGNING_KEY's key "${key.name}"; nothing was released.`, {
    code: 'BAD_SIGNATURE', exit: EXIT.verification, suggestions: ['heroku nix:redeploy'],
  })
}

function failed({code, message, exit, suggestions}: FailedOrder['failure'], dyno: string): NixError {
  return new NixError(`On dyno ${dyno}: ${message}`, {code, exit, suggestions})
}

async function goneFor(order: Order, dyno: string, platform: Pick<Platform, 'logUrl'>): Promise<NixError> {
  const overrun = await outOfMemory(platform, dyno)
  if (overrun === null) return lost(order, `The dyno ${dyno} ended before it had ${WORDS[order.what].done}.`)
  const {message, size} = overrun
  return new NixError(message, {
    code: 'OUT_OF_MEMORY', exit: EXIT.buildLost, suggestions: [...(size === null ? [] : [`heroku nix:redeploy --size ${size}`]), ...WORDS[order.what].otherwise],
  })
}

function lost({what}: Order, message: string): NixError {
  return new NixError(message, {code: 'DYNO_LOST', exit: EXIT.buildLost, suggestions: ['heroku nix:redeploy', ...WORDS[what].otherwise]})
}
