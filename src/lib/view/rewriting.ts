import {HASH_LENGTH, STORE_DIR, VIEW_DIR} from '../nix/store-path.ts'

/**
 * A text of ten bytes that becomes another text of ten bytes, in UTF-8 and in UTF-16 and UTF-32 of either byte order.
 * The bytes after a match decide whether it is one, so that what is turned one way can be turned back.
 */
export interface Rewriting {
  /** one for each distance between the bytes of two characters */
  readonly needles: readonly Needle[]
  readonly probes: readonly Probe[]
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
  /** 1: UTF-8. 2: UTF-16. 4: UTF-32 */
  readonly stride: 1 | 2 | 4
  /** from the first character's byte to the last's: the same bytes for both byte orders, whose zeros lie outside */
  readonly from: Buffer
  readonly to: Buffer
  /** where in `from` its x is */
  readonly x: number
}

/**
 * What is searched for: an x and what follows it, a few bytes whose first is rare in text and programs alike. That is found
 * at 4 GB/s and more, where searching for the three needles themselves made 0.8 GB/s.
 */
interface Probe {
  readonly bytes: Buffer
  readonly needles: readonly Needle[]
}

const SLASH = 0x2f

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
  const {from, to, onlyHashes} = spec
  const x = from.indexOf('x')
  const needles = ([1, 2, 4] as const).map(stride => ({stride, from: spread(from, stride), to: spread(to, stride), x: x * stride}))
  const probes = [{bytes: Buffer.from(from.slice(x)), needles: needles.slice(0, 1)}, {bytes: Buffer.from('x\0'), needles: needles.slice(1)}]
  const characters = from.length + (onlyHashes ? HASH_LENGTH + 2 : 1)
  return {needles, probes, window: characters * 4, onlyHashes: onlyHashes && new Set(onlyHashes), spec}
}

function spread(text: string, stride: number): Buffer {
  const bytes = Buffer.alloc((text.length - 1) * stride + 1)
  for (let n = 0; n < text.length; n++) bytes[n * stride] = text.charCodeAt(n)
  return bytes
}

/**
 * Rewrites in place what begins before the returned position; bytes from there on (fewer than `window`) cannot be decided
 * without what follows them and must be given again, in front of it. `isEnd` says that nothing follows.
 * @param onMatch called with each replaced place in `chunk` and the needle's distance between characters; in no order
 */
export function rewriteChunk(
  rewriting: Rewriting, chunk: Buffer, isEnd: boolean, onMatch?: (at: number, stride: Needle['stride']) => void,
): {decided: number; matches: number} {
  let matches = 0
  for (const {at, needle: {stride, to}} of placesOf(rewriting, chunk, isEnd)) {
    // Wide characters: only their significant bytes differ, the zeros between them stay.
    to.copy(chunk, at)
    matches++
    onMatch?.(at, stride)
  }

  return {decided: decidedOf(rewriting, chunk, isEnd), matches}
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
        // Both begin with a slash; most places end here, without a view on the bytes being made.
        if (at < 0 || at >= decided || chunk[at] !== SLASH || !needle.from.equals(chunk.subarray(at, at + needle.from.length)) || !isOurs(rewriting, chunk, at, needle.stride)) continue
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

function isOurs({onlyHashes}: Rewriting, chunk: Buffer, at: number, stride: number): boolean {
  const next = at + STORE_DIR.length * stride
  if (!onlyHashes) return !goesOn(chunk, next, stride)
  const path = textAt(chunk, next, stride, HASH_LENGTH + 2)
  return path.startsWith('/') && path.endsWith('-') && onlyHashes.has(path.slice(1, -1))
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
  if (!text.includes(rewriting.needles[0]?.from.toString('latin1') ?? '')) return text
  const bytes = Buffer.from(text)
  rewriteChunk(rewriting, bytes, true)
  return bytes.toString()
}
