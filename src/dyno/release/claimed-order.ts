import {HEARTBEAT_MS} from '../../lib/build/follow.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import type {ReportStore} from '../../lib/redeploy/report-store.ts'
import type {SendingSlug, SlugReport} from '../../lib/redeploy/slug-report.ts'

/** An order that this dyno has claimed. */
export interface ClaimedOrder {
  /** Kept for the next heartbeat. */
  progress(sent: number, size: number): void
  /** Writes the last report, after the last heartbeat. */
  finish(report: SlugReport): Promise<void>
}

/**
 * Claims an order by writing its report first, and then says every few seconds how far it is.
 * @returns null: another dyno has it, or it was called off
 */
export async function claimOrder(reports: ReportStore, base: Omit<SendingSlug, 'heartbeatAt' | 'sent' | 'size' | 'state'>, now: () => Date): Promise<ClaimedOrder | null> {
  let sent = 0
  let size: number | null = null
  const beat = (): SendingSlug => ({...base, state: 'sending', heartbeatAt: now().toISOString(), sent, size})
  const first = await reports.create(beat())
  if (first === null) return null
  let {etag} = first

  const write = async (report: SlugReport) => {
    const stored = await reports.replace(report, etag)
    if (stored === null) {
      throw new NixError(`The report of order ${base.order} was changed by somebody else.`, {code: 'ORDER_TAKEN', exit: EXIT.buildLost})
    }

    ({etag} = stored)
  }

  let beating: Promise<void> | null = null
  const timer = setInterval(() => {
    // A bucket that does not answer ends nothing: the next beat tries again, and the last report is what counts.
    beating ??= write(beat()).catch(() => undefined).finally(() => {
      beating = null
    })
  }, HEARTBEAT_MS)

  return {
    progress(bytes, total) {
      sent = bytes
      size = total
    },
    async finish(report) {
      clearInterval(timer)
      await beating
      await write(report)
    },
  }
}
