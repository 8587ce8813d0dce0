import * as v from 'valibot'
import {EXIT, NixError} from '../errors.ts'
import {withoutControls} from '../output/without-controls.ts'
import {isBuildId} from './id.ts'
import {MAX_LEFT_PATHS, type BuildRecord} from './record.ts'

// The bucket is not trusted: whoever can write to it must not be able to put anything into a command, a path or a
// terminal by way of a record. So each string has its own alphabet, and unknown fields are refused.
const hex = (length: number) => v.pipe(v.string(), v.regex(new RegExp(`^[0-9a-f]{${length}}$`), `not ${length} hex digits`))
const sha256 = hex(64)
const gitHash = v.pipe(v.string(), v.regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, 'not a Git hash'))
const time = v.pipe(v.string(), v.isoTimestamp())
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const text = (length: number) => v.pipe(v.string(), v.maxLength(length), v.regex(/^(?:[^\p{Cc}]|[\n\t])*$/u, 'control characters'))
const line = (length: number) => v.pipe(v.string(), v.maxLength(length), v.regex(/^[^\p{Cc}]*$/u, 'control characters'))
const storePath = v.pipe(v.string(), v.maxLength(255), v.regex(/^\/nix\/store\/[0-9a-df-np-sv-z]{32}-[\w+.?=-]+$/, 'not a store path'))
const sorted = v.check<string[], string>(list => list.every((item, index) => index === 0 || (list[index - 1] ?? '') < item), 'not sorted')
const signature = v.pipe(v.string(), v.regex(/^[\w.-]{1,100}:[A-Za-z0-9+/]{86}==$/, 'not a signature'))

const claim = v.strictObject({dyno: line(100), nonce: v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/)), claimedAt: time})

const closurePath = v.strictObject({
  path: storePath,
  narHash: v.pipe(v.string(), v.regex(/^sha256:[0-9a-df-np-sv-z]{52}$/, 'not a NAR hash')),
  narSize: count,
  references: v.pipe(v.array(storePath), sorted),
})

const leftPaths = v.exactOptional(v.pipe(
  v.array(v.strictObject({path: storePath, file: line(1000), inside: v.pipe(v.array(line(1000)), v.maxLength(20)), offset: count})),
  v.maxLength(MAX_LEFT_PATHS),
))

export const layerSchema = v.pipe(
  v.strictObject({key: v.string(), digest: sha256, sha256, size: count, unpackedSize: count}),
  v.check(layer => layer.key === `heroku/layers/${layer.digest}.tar.gz`, 'key does not belong to the digest'),
)

const outcome = v.strictObject({
  engine: v.picklist(['proot', 'relocate']),
  // v.record takes a list for a record.
  probe: v.pipe(v.unknown(), v.check(value => !Array.isArray(value), 'a list'), v.record(line(64), line(1000))),
  result: storePath,
  drvPath: v.nullable(storePath),
  closure: v.pipe(
    v.array(closurePath), v.minLength(1),
    v.check(list => list.every((item, index) => index === 0 || (list[index - 1]?.path ?? '') < item.path), 'not sorted'),
  ),
  layer: layerSchema,
  listing: v.strictObject({key: line(1024), sha256, size: count}),
  programs: v.pipe(v.array(v.pipe(v.string(), v.maxLength(255), v.regex(/^[\w@+.:,=-]+$/, 'not a program name'))), sorted),
  tainted: leftPaths,
  unrewritten: leftPaths,
})

const base = {
  version: v.literal(1),
  id: v.pipe(v.string(), v.check(isBuildId, 'not a build id')),
  app: v.pipe(v.string(), v.maxLength(200), v.regex(/^[\w.-]+$/)),
  createdAt: time,
  source: v.strictObject({tree: gitHash, commit: v.nullable(gitHash), sha256}),
  buildFlags: text(32_768),
  toolbox: sha256,
  dynoSize: v.nullable(line(64)),
  timeToLive: count,
}

const unsuccessful = v.strictObject({
  ...base,
  state: v.picklist(['cancelled', 'failed', 'interrupted', 'lost']),
  claim: v.nullable(claim),
  finishedAt: time,
  logSegments: count,
  failure: v.strictObject({
    code: v.pipe(v.string(), v.regex(/^[A-Z][A-Z0-9_]{0,63}$/)),
    message: text(16_384),
    exitStatus: v.nullable(v.pipe(v.number(), v.safeInteger())),
    suggestions: v.pipe(v.array(line(1000)), v.maxLength(20)),
  }),
})

const schema = v.variant('state', [
  v.strictObject({...base, state: v.literal('pending')}),
  v.strictObject({...base, state: v.literal('running'), claim, heartbeatAt: time, logSegments: count}),
  v.strictObject({...base, state: v.literal('succeeded'), claim, finishedAt: time, logSegments: count, outcome, signature}),
  unsuccessful,
])

/**
 * Makes a record of what JSON.parse gave, refusing everything that is not exactly one.
 * @param where the record's key, for the message
 * @throws NixError BAD_RECORD
 */
export function parseRecord(value: unknown, where: string): BuildRecord {
  const result = v.safeParse(schema, value)
  if (result.success) {
    return result.output
  }

  const [issue] = result.issues
  throw new NixError(`${where} is not a build record: ${withoutControls(`${v.getDotPath(issue) ?? 'the whole'}: ${issue.message}`).slice(0, 200)}.`, {
    code: 'BAD_RECORD', exit: EXIT.verification,
    suggestions: ['heroku nix:build --force'],
  })
}
