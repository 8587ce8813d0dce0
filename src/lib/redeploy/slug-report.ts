import * as v from 'valibot'
import {isBuildId} from '../build/id.ts'
import {EXIT, NixError, type ExitCode} from '../errors.ts'
import {isSignedBy, signText, type PublicKey, type SecretKey} from '../signing/nix-key.ts'

/**
 * What a dyno that makes and uploads a slug says of it, `heroku/apps/NAME/builds/BUILD/slugs/ORDER.json`. Written first
 * by the dyno, which thereby claims the order, or by a client that calls the order off.
 */
export type SlugReport = CancelledSlug | SendingSlug | SentSlug | FailedSlug

interface ReportBase {
  version: 1
  /** the order's id, of a build id's form */
  order: string
}

export interface CancelledSlug extends ReportBase {
  state: 'cancelled'
}

interface ClaimedReport extends ReportBase {
  /** the dyno's name, `run.1234` */
  dyno: string
  /** random; tells two dynos of one order apart */
  nonce: string
}

export interface SendingSlug extends ClaimedReport {
  state: 'sending'
  /** ISO 8601, UTC */
  heartbeatAt: string
  /** bytes, of the attempt under way */
  sent: number
  /** bytes; null until the slug's size is known */
  size: number | null
}

export interface SentSlug extends ClaimedReport {
  state: 'sent'
  /** hex, of the bytes that Heroku's store took */
  sha256: string
  /** bytes */
  size: number
  /** `name:base64`, over `signedText` */
  signature: string
}

export interface FailedSlug extends ClaimedReport {
  state: 'failed'
  failure: {code: string; message: string; exit: ExitCode; suggestions: string[]}
}

/** Which slug a report is of; part of what is signed, so that no report passes for another's. */
export interface SlugOrder {
  /** NIX_APP_NAME */
  app: string
  build: string
  order: string
}

/** @returns the report with its signature */
export function signSent(report: Omit<SentSlug, 'signature'>, order: SlugOrder, key: SecretKey): SentSlug {
  return {...report, signature: signText(signedText(report, order), key)}
}

/** Whether this key signed that exactly these bytes are the slug that was ordered. */
export function isSentSignedBy(report: SentSlug, order: SlugOrder, key: PublicKey): boolean {
  return report.order === order.order && isSignedBy(signedText(report, order), report.signature, key)
}

function signedText({sha256, size}: Omit<SentSlug, 'signature'>, {app, build, order}: SlugOrder): string {
  return ['heroku-nix-slug-1', `app ${app}`, `build ${build}`, `order ${order}`, `slug ${sha256} ${size}`].map(line => `${line}\n`).join('')
}

// As with records, nothing in the bucket may put anything into a terminal but text.
const line = (length: number) => v.pipe(v.string(), v.maxLength(length), v.regex(/^[^\p{Cc}]*$/u, 'control characters'))
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const base = {version: v.literal(1), order: v.pipe(v.string(), v.check(isBuildId, 'not an id'))}
const claimed = {...base, dyno: line(100), nonce: v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/))}

const schema = v.variant('state', [
  v.strictObject({...base, state: v.literal('cancelled')}),
  v.strictObject({...claimed, state: v.literal('sending'), heartbeatAt: v.pipe(v.string(), v.isoTimestamp()), sent: count, size: v.nullable(count)}),
  v.strictObject({
    ...claimed, state: v.literal('sent'), size: count,
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
export function parseSlugReport(bytes: Uint8Array, where: string): SlugReport {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString())
  } catch {
    // What is no JSON is no object either, and the schema says so.
    value = null
  }

  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  throw new NixError(`${where} is not a dyno's report of a slug: ${v.getDotPath(result.issues[0]) ?? 'the whole'}.`, {
    code: 'BAD_REPORT', exit: EXIT.verification, suggestions: ['heroku nix:redeploy --via local'],
  })
}
