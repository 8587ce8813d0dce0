import {HEARTBEAT_MS} from '../../lib/build/follow.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import type {OrderReport, RunningOrder} from '../../lib/order/order-report.ts'
import type {ReportStore} from '../../lib/order/report-store.ts'

/** An order that this dyno has claimed. */
export interface ClaimedOrder {
  /** Kept for the next heartbeat. */
  progress(done: number, total: number): void
  /** Writes the last report, after the last heartbeat. */
  finish(report: OrderReport): Promise<void>
}

/**
 * Claims an order by writing its report first, and then says every few seconds how far it is.
 * @returns null: another dyno has it, or it was called off
 */
export async function claimOrder(reports: ReportStore, base: Omit<RunningOrder, 'done' | 'heartbeatAt' | 'state' | 'total'>, now: () => Date): Promise<ClaimedOrder | null> {
  let done = 0
  let total: number | null = null
  const beat = (): RunningOrder => ({...base, state: 'running', heartbeatAt: now().toISOString(), done, total})
  const first = await reports.create(beat())
  if (first === null) return null
  let {etag} = first

  const write = async (report: OrderReport) => {
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
    progress(bytes, all) {
      done = bytes
      total = all
    },
    async finish(report) {
      clearInterval(timer)
      await beating
      await write(report)
    },
  }
}
