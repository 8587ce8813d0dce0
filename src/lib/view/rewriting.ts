import {HASH_LENGTH, STORE_DIR, VIEW_DIR, isHashPart} from '../nix/store-path.ts'
import {ESCAPED_SLASHES, probesFor, spread, type Probe} from './spelling.ts'

/**
 * A text of ten bytes that becomes another text of ten bytes, in UTF-8 and in UTF-16 and UTF-32 of either byte order, and
 * with its slashes escaped.
 * The bytes after a match decide whether it is one, so that what is turned one way can be turned back.
 */
export interface Rewriting {
  /** one for each way to spell it */
  readonly needles: readonly Needle[]
  readonly probes: readonly Probe<Needle>[]
  /** bytes that must be known, from the first byte of a match on, to decide about it */
  readonly window: number
  /** null: the store directory itself, whatever follows, and every path in it; else only paths whose hash part is in the set */
  readonly onlyHashes: ReadonlySet<string> | null
  /** what makes an equal one, in another thread */
  readonly spec: RewritingSpec
}

export interface RewritingSpec {
  readonly from: string
  readonly to: string
  readonly onlyHashes: readonly string[] | null
}

interface Needle {
  /** its place in `needles` */
  readonly index: number
  /** bytes from one character to the next. 1: UTF-8. 2: UTF-16. 4: UTF-32 */
  readonly stride: 1 | 2 | 4
  /** from the first character's byte to the last's: the same bytes for both byte orders, whose zeros lie outside */
  readonly from: Buffer
  readonly to: Buffer
  /** bytes from its start to what follows */
  readonly length: number
  /** how it spells a slash */
  readonly slash: string
  /** where in `from` its x is */
  readonly x: number
  /** Whether it has no slash before it, as members of tar archives have none: then it is one where a store path follows. */
  readonly isBare: boolean
}

/** Canonical bytes to the view's. */
export const TO_VIEW: Rewriting = makeRewriting({from: STORE_DIR, to: VIEW_DIR, onlyHashes: null})

/** The view's bytes to canonical ones. */
export const TO_STORE: Rewriting = makeRewriting({from: VIEW_DIR, to: STORE_DIR, onlyHashes: null})

/**
 * The view's bytes to canonical ones where the text is one of these paths, and nothing else: for fixed-output derivations.
 * What they fetch may hold the bare text "/app/.nixs" (this project's source does), and its hash is known beforehand.
 */
export function toStoreOnly(hashParts: Iterable<string>): Rewriting {
  return makeRewriting({from: VIEW_DIR, to: STORE_DIR, onlyHashes: [...hashParts]})
}

export function makeRewriting(spec: RewritingSpec): Rewriting {
  const {from, onlyHashes} = spec
  const needles = needlesOf(spec)
  const characters = from.length + (onlyHashes ? HASH_LENGTH + 2 : 1)
  return {needles, probes: probesFor(needles), window: characters * 4, onlyHashes: onlyHashes && new Set(onlyHashes), spec}
}

function needlesOf({from, to}: RewritingSpec): Needle[] {
  const spellings = [
    ...([1, 2, 4] as const).map(stride => ({stride, slash: '/', isBare: false})),
    ...ESCAPED_SLASHES.map(slash => ({stride: 1 as const, slash, isBare: false})),
    // What a builder archived came from the view. Whoever unpacks an archive gets the names that are in it, under any tree.
    ...(from === VIEW_DIR ? [{stride: 1 as const, slash: '/', isBare: true}] : []),
  ]
  return spellings.map(({stride, slash, isBare}, index) => {
    const spell = (text: string) => (isBare ? text.slice(1) : text).replaceAll('/', () => slash)
    const spelt = spell(from)
    const x = spelt.indexOf('x') * stride
    return {index, stride, from: spread(spelt, stride), to: spread(spell(to), stride), length: spelt.length * stride, slash, x, isBare}
  })
}

/**
 * Rewrites in place what begins before the returned position; bytes from there on (fewer than `window`) cannot be decided
 * without what follows them and must be given again, in front of it. `isEnd` says that nothing follows. `isOneWay`: the
 * opposite rewriting would not bring back what it was.
 * @param onMatch called with each replaced place in `chunk` and the needle's index; in no order
 */
export function rewriteChunk(
  rewriting: Rewriting, chunk: Buffer, isEnd: boolean, onMatch?: (at: number, needle: number) => void,
): {decided: number; matches: number; isOneWay: boolean} {
  let matches = 0
  let isOneWay = false
  for (const {at, needle: {to, index, isBare}} of placesOf(rewriting, chunk, isEnd)) {
    // Wide characters: only their significant bytes differ, the zeros between them stay.
    to.copy(chunk, at)
    matches++
    isOneWay ||= isBare
    onMatch?.(at, index)
  }

  return {decided: decidedOf(rewriting, chunk, isEnd), matches, isOneWay}
}

function decidedOf({window}: Rewriting, chunk: Buffer, isEnd: boolean): number {
  return isEnd ? chunk.length : Math.max(0, chunk.length - window + 1)
}

function* placesOf(rewriting: Rewriting, chunk: Buffer, isEnd: boolean): Generator<{at: number; needle: Needle}> {
  const decided = decidedOf(rewriting, chunk, isEnd)
  for (const {bytes, needles} of rewriting.probes) {
    for (let x = chunk.indexOf(bytes); x >= 0; x = chunk.indexOf(bytes, x + 1)) {
      for (const needle of needles) {
        const at = x - needle.x
        // Most places end here, without a view on the bytes being made.
        if (at < 0 || at >= decided || chunk[at] !== needle.from[0] || !needle.from.equals(chunk.subarray(at, at + needle.from.length)) || !isOurs(rewriting, chunk, at, needle)) continue
        yield {at, needle}
      }
    }
  }
}

/** The one that turns back what this one turned. */
export function opposite({spec}: Rewriting): Rewriting {
  return spec.to === VIEW_DIR ? TO_STORE : TO_VIEW
}

/** Whether there is anything to rewrite in what begins before the undecided end of a chunk. */
export function holds(rewriting: Rewriting, chunk: Buffer, isEnd: boolean): boolean {
  return placesOf(rewriting, chunk, isEnd).next().done !== true
}

function isOurs({onlyHashes}: Rewriting, chunk: Buffer, at: number, {stride, length, slash, isBare}: Needle): boolean {
  const next = at + length
  if (!onlyHashes && !isBare) return !goesOn(chunk, next, stride)
  if (chunk[next] !== slash.charCodeAt(0)) return false
  const path = textAt(chunk, next, stride, slash.length + HASH_LENGTH + 1)
  const hash = path.slice(slash.length, -1)
  return path.startsWith(slash) && path.endsWith('-') && (onlyHashes ? onlyHashes.has(hash) : isHashPart(hash))
}

/** Whether the name at whose end we are is longer: /nix/storefoo and /nix/store-old are other folders. */
function goesOn(chunk: Buffer, next: number, stride: number): boolean {
  const byte = chunk[next]
  if (byte === undefined || !isNameByte(byte)) return false
  for (let zero = 1; zero < stride; zero++) {
    if (chunk[next - zero] !== 0) return false
  }

  return true
}

function isNameByte(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)
    || byte === 0x2d || byte === 0x2e || byte === 0x5f
}

function textAt(chunk: Buffer, start: number, stride: number, length: number): string {
  let text = ''
  for (let n = 0; n < length; n++) text += String.fromCharCode(chunk[start + n * stride] ?? 0)
  return text
}

/** A whole text, such as an argument or a symlink's target. */
export function rewriteText(rewriting: Rewriting, text: string): string {
  if (!rewriting.needles.some(({from, stride}) => stride === 1 && text.includes(from.toString('latin1')))) return text
  const bytes = Buffer.from(text)
  rewriteChunk(rewriting, bytes, true)
  return bytes.toString()
}
