import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {parseOrderReport, type Order, type OrderReport} from './order-report.ts'

/** A failure's message is the longest thing in it. */
const MAX_BYTES = 256 * 1024

/** A report and the version of it that its next one must follow. */
export interface StoredReport {
  report: OrderReport
  etag: string
}

/** The report of one order. */
export interface ReportStore {
  /** null: nobody has claimed the order yet */
  read(): Promise<StoredReport | null>
  /** The first one wins; null: somebody else was first. */
  create(report: OrderReport): Promise<StoredReport | null>
  /** The next version; null: somebody else wrote one first. */
  replace(report: OrderReport, etag: string): Promise<StoredReport | null>
}

/** Of those who claim one order, or call it off, exactly one is first. */
export function reportStore(bucket: Pick<Bucket, 'put' | 'read'>, {what, app, build, order}: Order): ReportStore {
  // Under the build, so that it goes when the build goes.
  const key = `${keys.builds(app)}${build}/${what}s/${order}.json`

  async function read(): Promise<StoredReport | null> {
    const object = await bucket.read(key, {maxBytes: MAX_BYTES})
    return object && {report: parseOrderReport(object.bytes, key), etag: object.etag}
  }

  async function write(report: OrderReport, condition: 'absent' | {etag: string}): Promise<StoredReport | null> {
    const bytes = Buffer.from(`${JSON.stringify(report)}\n`)
    parseOrderReport(bytes, `The new report of order ${order}`)
    const result = await bucket.put(key, bytes, {condition, contentType: 'application/json'})
    if (result.kind === 'stored') return {report, etag: result.etag}
    // A write whose answer got lost is sent again and then refused by its own first copy.
    const current = await bucket.read(key, {maxBytes: MAX_BYTES})
    return current?.bytes.equals(bytes) ? {report, etag: current.etag} : null
  }

  return {read, create: report => write(report, 'absent'), replace: (report, etag) => write(report, {etag})}
}
