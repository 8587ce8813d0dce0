import {EXIT, NixError} from '../errors.ts'
import {dynoLookout} from '../order/dyno-lookout.ts'
import type {Platform} from '../platform/platform.ts'
import type {PublicKey} from '../signing/nix-key.ts'
import type {ReportStore} from './report-store.ts'
import {isSentSignedBy, type SentSlug, type SlugOrder} from './slug-report.ts'

export interface WatchSlugWorld {
  reports: Pick<ReportStore, 'read'>
  /** Asked once and without patience. */
  platform: Pick<Platform, 'dyno' | 'dynos'>
  /** NIX_SIGNING_KEY's */
  key: PublicKey
  /** Between two rounds. */
  wait: () => Promise<void>
  /** milliseconds, monotonic */
  elapsed: () => number
  /** bytes, of the attempt under way; `size` is null until it is known */
  onProgress: (sent: number, size: number | null) => void
}

/**
 * Waits until the dyno has uploaded the slug that was ordered.
 * @param dyno its name
 * @throws NixError with the dyno's own failure; DYNO_LOST within 15 s when it has gone; BAD_SIGNATURE
 */
export async function watchSlug(order: SlugOrder, dyno: string, {reports, platform, key, wait, elapsed, onProgress}: WatchSlugWorld): Promise<SentSlug> {
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
      case 'sent':
        return requireSigned(report, order, key)
      case 'failed':
        throw failed(report.failure, report.dyno)
      case 'cancelled':
        throw lost('The upload by a dyno was called off.')
      case 'sending':
        onProgress(report.sent, report.size)
        break
      case undefined:
    }

    // Its last word may have come with its end, so it is read once more after the dyno was found to be gone.
    if (gone) throw lost(`The dyno ${dyno} ended before it had uploaded the slug.`)
    gone = (await lookout.look(elapsed() - changedAt)).gone === true
    if (!gone) await wait()
  }
}

function requireSigned(report: SentSlug, order: SlugOrder, key: PublicKey): SentSlug {
  if (isSentSignedBy(report, order, key)) return report
  throw new NixError(`What dyno ${report.dyno} says of its slug is not signed with NIX_SIGNING_KEY's key "${key.name}"; nothing was released.`, {
    code: 'BAD_SIGNATURE', exit: EXIT.verification, suggestions: ['heroku nix:redeploy --via local'],
  })
}

function failed({code, message, exit, suggestions}: {code: string; message: string; exit: (typeof EXIT)[keyof typeof EXIT]; suggestions: string[]}, dyno: string): NixError {
  return new NixError(`On dyno ${dyno}: ${message}`, {code, exit, suggestions})
}

function lost(message: string): NixError {
  return new NixError(message, {
    code: 'DYNO_LOST', exit: EXIT.buildLost, suggestions: ['heroku nix:redeploy', 'heroku nix:redeploy --via local, which uploads from this machine'],
  })
}
