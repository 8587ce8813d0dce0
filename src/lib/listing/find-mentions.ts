import {STORE_DIR, VIEW_DIR} from '../nix/store-path.ts'
import type {ByteSource} from '../scan/byte-source.ts'
import {fromBytes} from '../slug/byte-string.ts'
import type {Mention, StoreNames} from './store-names.ts'

export interface PlacedMention extends Mention {
  /** bytes from the file's start, of the path's first slash */
  offset: number
}

const PIECE = 1 << 20
/** As long as a name and a path of ordinary length; longer ones are taken for what they begin with. */
const LONGEST = 1024

interface Prefix {
  text: Buffer
  /** What is searched for, as it is rarer than what comes before it. */
  rare: Buffer
  before: Buffer
}

const PREFIXES = {
  view: prefixOf(VIEW_DIR, VIEW_DIR.lastIndexOf('/') + 1),
  store: prefixOf(STORE_DIR, 0),
}

export type StorePrefix = keyof typeof PREFIXES

/** @param prefixes which of `/app/.nixs/` and `/nix/store/` to look for; each costs a pass over the bytes in memory */
export function* findMentions(source: ByteSource, names: StoreNames, prefixes: readonly StorePrefix[]): Generator<PlacedMention> {
  for (let at = 0; at < source.size; at += PIECE) {
    // A path that begins in this piece and ends in the next is seen whole.
    const piece = source.read(at, Math.min(PIECE + LONGEST, source.size - at))
    for (const prefix of prefixes) {
      for (const start of occurrences(piece, PREFIXES[prefix])) {
        if (start >= PIECE) break
        const after = start + PREFIXES[prefix].text.length
        const found = names.find(fromBytes(piece.subarray(after, after + LONGEST)))
        if (found !== null) yield {...found, offset: at + start}
      }
    }

    if (piece.length < PIECE) return
  }
}

function* occurrences(piece: Buffer, {rare, before}: Prefix): Generator<number> {
  for (let at = piece.indexOf(rare); at >= 0; at = piece.indexOf(rare, at + 1)) {
    const start = at - before.length
    if (start >= 0 && piece.compare(before, 0, before.length, start, at) === 0) yield start
  }
}

function prefixOf(directory: string, rareFrom: number): Prefix {
  const text = `${directory}/`
  return {text: Buffer.from(text), rare: Buffer.from(text.slice(rareFrom)), before: Buffer.from(text.slice(0, rareFrom))}
}
