import * as v from 'valibot'
import {isBuildId} from '../build/id.ts'
import {EXIT, NixError, type ExitCode} from '../errors.ts'
import {isSignedBy, signText, type PublicKey, type SecretKey} from '../signing/nix-key.ts'

/** What a one-off dyno makes of a build: its slug, for Heroku, or its layer with other rules, for the bucket. */
export interface Order {
  what: 'layer' | 'slug'
  /** NIX_APP_NAME */
  app: string
  build: string
  /** of a build id's form: unlike a build, these may be ordered more than once */
  order: string
}

/**
 * What a dyno says of the order that it carries out, `heroku/apps/NAME/builds/BUILD/{layers,slugs}/ORDER.json`. Written first
 * by the dyno, which thereby claims the order, or by a client that calls the order off.
 */
export type OrderReport = CancelledOrder | DoneOrder | FailedOrder | RunningOrder

interface ReportBase {
  version: 1
  /** the order's id */
  order: string
}

export interface CancelledOrder extends ReportBase {
  state: 'cancelled'
}

interface ClaimedReport extends ReportBase {
  /** the dyno's name, `run.1234` */
  dyno: string
  /** random; tells two dynos of one order apart */
  nonce: string
}

export interface RunningOrder extends ClaimedReport {
  state: 'running'
  /** ISO 8601, UTC */
  heartbeatAt: string
  /** bytes, of the attempt under way */
  done: number
  /** bytes; null until it is known how many there will be */
  total: number | null
}

export interface DoneOrder extends ClaimedReport {
  state: 'done'
  /** hex, of the bytes that Heroku's store or the bucket took */
  sha256: string
  /** bytes */
  size: number
  /** `name:base64`, over `signedText` */
  signature: string
}

export interface FailedOrder extends ClaimedReport {
  state: 'failed'
  failure: {code: string; message: string; exit: ExitCode; suggestions: string[]}
}

/** @returns the report with its signature */
export function signDone(report: Omit<DoneOrder, 'signature'>, order: Order, key: SecretKey): DoneOrder {
  return {...report, signature: signText(signedText(report, order), key)}
}

/** Whether this key signed that exactly these bytes are what was ordered; of another order nothing passes. */
export function isDoneSignedBy(report: DoneOrder, order: Order, key: PublicKey): boolean {
  return report.order === order.order && isSignedBy(signedText(report, order), report.signature, key)
}

function signedText({sha256, size}: Omit<DoneOrder, 'signature'>, {what, app, build, order}: Order): string {
  return ['heroku-nix-order-1', `app ${app}`, `build ${build}`, `order ${order}`, `${what} ${sha256} ${size}`].map(line => `${line}\n`).join('')
}

// As with records, nothing in the bucket may put anything into a terminal but text.
const line = (length: number) => v.pipe(v.string(), v.maxLength(length), v.regex(/^[^\p{Cc}]*$/u, 'control characters'))
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const base = {version: v.literal(1), order: v.pipe(v.string(), v.check(isBuildId, 'not an id'))}
const claimed = {...base, dyno: line(100), nonce: v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/))}

const schema = v.variant('state', [
  v.strictObject({...base, state: v.literal('cancelled')}),
  v.strictObject({...claimed, state: v.literal('running'), heartbeatAt: v.pipe(v.string(), v.isoTimestamp()), done: count, total: v.nullable(count)}),
  v.strictObject({
    ...claimed, state: v.literal('done'), size: count,
    sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'not 64 hex digits')),
    signature: v.pipe(v.string(), v.maxLength(300)),
  }),
  v.strictObject({
    ...claimed, state: v.literal('failed'),
    failure: v.strictObject({
      code: v.pipe(v.string(), v.regex(/^[A-Z][A-Z0-9_]{0,63}$/)),
      message: v.pipe(v.string(), v.maxLength(16_384), v.regex(/^(?:[^\p{Cc}]|[\n\t])*$/u, 'control characters')),
      exit: v.picklist(Object.values(EXIT)),
      suggestions: v.pipe(v.array(line(1000)), v.maxLength(20)),
    }),
  }),
])

/**
 * Makes a report of an object's bytes.
 * @param where the object's key, for the message
 * @throws NixError BAD_REPORT
 */
export function parseOrderReport(bytes: Uint8Array, where: string): OrderReport {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString())
  } catch {
    // What is no JSON is no object either, and the schema says so.
    value = null
  }

  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  throw new NixError(`${where} is not a dyno's report of an order: ${v.getDotPath(result.issues[0]) ?? 'the whole'}.`, {
    code: 'BAD_REPORT', exit: EXIT.verification, suggestions: ['type the same command again'],
  })
}
