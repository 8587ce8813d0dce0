import type {ByteString} from '../slug/byte-string.ts'

/**
 * rsync's wildmatch, byte for byte: what it answers for odd patterns (an open class, a backslash at the end) counts too.
 * Semantics: lib/wildmatch.c of rsync 3.5.0. Three outcomes of a miss let a `*` give up early:
 * NO tries on, TO_STARSTAR only a `**` further left can help, NEVER nothing can.
 */
const NO = 0
const YES = 1
const NEVER = -1
const TO_STARSTAR = -2
type Outcome = -2 | -1 | 0 | 1

const SLASH = 0x2f
const STAR = 0x2a
const QUESTION = 0x3f
const OPEN = 0x5b
const CLOSE = 0x5d
const BACKSLASH = 0x5c
const DASH = 0x2d
const COLON = 0x3a
const BANG = 0x21
const CARET = 0x5e

/** A pattern's bytes with a 0 at the end, which no pattern holds. */
export type CompiledPattern = Uint8Array

export function compilePattern(pattern: ByteString): CompiledPattern {
  const bytes = new Uint8Array(pattern.length + 1)
  for (let at = 0; at < pattern.length; at++) bytes[at] = pattern.charCodeAt(at)
  return bytes
}

/** Does the pattern match all of `text` from `start` on? */
export function wildmatch(pattern: CompiledPattern, text: string, start = 0): boolean {
  return match(pattern, 0, text, start) === YES
}

/** Does the pattern match all of `text`, or all that follows one of its slashes? */
export function wildmatchAfterAnySlash(pattern: CompiledPattern, text: string): boolean {
  let outcome = match(pattern, 0, text, 0)
  let at = 0
  while (outcome === NO || outcome === TO_STARSTAR) {
    at = text.indexOf('/', at) + 1
    if (at === 0) return false
    outcome = match(pattern, 0, text, at)
  }

  return outcome === YES
}

/** The byte at an index, 0 at the end. */
function byte(pattern: CompiledPattern, at: number): number {
  return pattern[at] ?? 0
}

function match(pattern: CompiledPattern, from: number, text: string, start: number): Outcome {
  let p = from
  let t = start
  for (let want = byte(pattern, p); want !== 0; want = byte(pattern, ++p), t++) {
    const have = t < text.length ? text.charCodeAt(t) : 0
    if (have === 0 && want !== STAR) return NEVER

    switch (want) {
      case STAR:
        return matchStar(pattern, p, text, t)
      case QUESTION:
        if (have === SLASH) return NO
        break
      case OPEN: {
        const end = matchClass(pattern, p, have)
        if (end <= 0) return end as Outcome
        if (have === SLASH) return NO
        p = end
        break
      }

      case BACKSLASH:
        if (byte(pattern, ++p) !== have) return NO
        break
      default:
        if (want !== have) return NO
    }
  }

  return t < text.length ? NO : YES
}

function matchStar(pattern: CompiledPattern, from: number, text: string, start: number): Outcome {
  let p = from + 1
  const crossesSlashes = byte(pattern, p) === STAR
  while (byte(pattern, p) === STAR) p++
  if (byte(pattern, p) === 0) return crossesSlashes || !text.includes('/', start) ? YES : NO

  for (let t = start; t < text.length; t++) {
    const outcome = match(pattern, p, text, t)
    if (outcome !== NO) {
      if (!crossesSlashes || outcome !== TO_STARSTAR) return outcome
    } else if (!crossesSlashes && text.charCodeAt(t) === SLASH) {
      return TO_STARSTAR
    }
  }

  return NEVER
}

/**
 * @param from index of the `[`
 * @returns index of the closing `]`, or NO, or NEVER where the class is malformed (then nothing matches)
 */
function matchClass(pattern: CompiledPattern, from: number, have: number): number {
  let p = from + 1
  const negated = byte(pattern, p) === BANG || byte(pattern, p) === CARET
  if (negated) p++
  let matched = false
  let previous = 0
  let want = byte(pattern, p)
  // A `]` that comes first is a member, not the end.
  do {
    if (want === 0) return NEVER
    if (want === BACKSLASH) {
      want = byte(pattern, ++p)
      if (want === 0) return NEVER
      if (have === want) matched = true
    } else if (want === DASH && previous !== 0 && byte(pattern, p + 1) !== 0 && byte(pattern, p + 1) !== CLOSE) {
      want = byte(pattern, ++p)
      if (want === BACKSLASH) {
        want = byte(pattern, ++p)
        if (want === 0) return NEVER
      }

      if (have >= previous && have <= want) matched = true
      // What ends a range does not begin another.
      want = 0
    } else if (want === OPEN && byte(pattern, p + 1) === COLON) {
      const name = p + 2
      const close = pattern.indexOf(CLOSE, name)
      if (close === -1) return NEVER
      if (close - name < 1 || byte(pattern, close - 1) !== COLON) {
        if (have === OPEN) matched = true
      } else {
        const belongs = CLASSES.get(String.fromCharCode(...pattern.subarray(name, close - 1)))
        if (!belongs) return NEVER
        if (belongs(have)) matched = true
        p = close
        want = 0
      }
    } else if (have === want) {
      matched = true
    }

    previous = want
    want = byte(pattern, ++p)
  } while (want !== CLOSE)

  return matched === negated ? NO : p
}

const between = (first: number, last: number) => (have: number) => have >= first && have <= last
const digit = between(0x30, 0x39)
const upper = between(0x41, 0x5a)
const lower = between(0x61, 0x7a)
const graph = between(0x21, 0x7e)
const alpha = (have: number) => upper(have) || lower(have)
const alnum = (have: number) => alpha(have) || digit(have)

/** As in the C locale, and for single bytes in a UTF-8 one. */
const CLASSES = new Map<string, (have: number) => boolean>([
  ['alnum', alnum],
  ['alpha', alpha],
  ['blank', have => have === 0x20 || have === 0x09],
  ['cntrl', have => have < 0x20 || have === 0x7f],
  ['digit', digit],
  ['graph', graph],
  ['lower', lower],
  ['print', between(0x20, 0x7e)],
  ['punct', have => graph(have) && !alnum(have)],
  ['space', have => have === 0x20 || between(0x09, 0x0d)(have)],
  ['upper', upper],
  ['xdigit', have => digit(have) || between(0x41, 0x46)(have) || between(0x61, 0x66)(have)],
])
