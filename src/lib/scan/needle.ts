import {HASH_LENGTH, STORE_DIR, VIEW_DIR, hashPartOf, isHashPart} from '../nix/store-path.ts'
import {ESCAPED_SLASHES, probesFor, spread, type Probe} from '../view/spelling.ts'

/** A text to look for, in UTF-8 and in UTF-16 and UTF-32 of either byte order, with its slashes escaped, and without its first slash. */
export interface Needle {
  /** begins with a slash and has an x in it */
  text: string
  /** how many characters after it must be known */
  following: number
  /** whether with those after it, it is one; they are fewer at the end of the bytes. `isBare`: it has no slash before it */
  accepts: (following: string, isBare: boolean) => boolean
}

/** What a builder's view of the store leaves in what it compresses: a dead path for whoever has a real /nix/store. */
export const VIEW_PATH: Needle = {
  text: `${VIEW_DIR}/`, following: HASH_LENGTH + 1, accepts: (following, isBare) => !isBare || isStartOfPath(following),
}

/** Store paths of which some could not be made the view's. @param hashParts of the paths that matter */
export function storePathsOf(hashParts: Iterable<string>): Needle {
  const known = new Set(hashParts)
  return {
    text: `${STORE_DIR}/`, following: HASH_LENGTH + 1,
    // An archive of store paths is no path yet.
    accepts: (following, isBare) => !isBare && isStartOfPath(following) && known.has(hashPartOf(following)),
  }
}

function isStartOfPath(text: string): boolean {
  return text.endsWith('-') && isHashPart(text.slice(0, -1))
}

interface Form {
  /** bytes from one character to the next. 1: UTF-8. 2: UTF-16. 4: UTF-32 */
  stride: number
  from: Buffer
  /** bytes from its start to what follows */
  length: number
  /** where its x is */
  x: number
  isBare: boolean
}

/** Finds the first occurrence in bytes that come in pieces. */
export class Finder {
  readonly #needle: Needle
  readonly #probes: Probe<Form>[]
  readonly #window: number
  #rest: Buffer = Buffer.alloc(0)
  #before = 0

  constructor(needle: Needle) {
    this.#needle = needle
    const forms = formsOf(needle.text)
    this.#probes = probesFor(forms)
    this.#window = Math.max(...forms.map(({length, stride}) => length + needle.following * stride))
  }

  /** Takes the next piece; it is not kept. @returns the place of the first occurrence, in bytes from the start, or null so far */
  feed(piece: Buffer): number | null {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    const found = this.#find(bytes, bytes.length - this.#window)
    const kept = Math.min(bytes.length, this.#window - 1)
    this.#before += bytes.length - kept
    this.#rest = Buffer.from(bytes.subarray(bytes.length - kept))
    return found
  }

  /** Nothing follows. */
  end(): number | null {
    return this.#find(this.#rest, this.#rest.length)
  }

  /** @param last the last place at which one may begin: all that decides about it is there */
  #find(bytes: Buffer, last: number): number | null {
    let first: number | null = null
    for (const {bytes: probe, needles} of this.#probes) {
      for (let x = bytes.indexOf(probe); x >= 0; x = bytes.indexOf(probe, x + 1)) {
        const at = needles.map(form => this.#startAt(bytes, x, form)).find(start => start !== null && start <= last) ?? null
        if (at === null) continue
        first = first === null ? at : Math.min(first, at)
        break
      }
    }

    return first === null ? null : this.#before + first
  }

  /** Where the text begins whose x is at `x`, or null where it is another. */
  #startAt(bytes: Buffer, x: number, {stride, from, length, x: before, isBare}: Form): number | null {
    const at = x - before
    if (at < 0 || bytes.compare(from, 0, from.length, at, Math.min(bytes.length, at + from.length)) !== 0) return null
    return this.#needle.accepts(this.#textAt(bytes, at + length, stride), isBare) ? at : null
  }

  #textAt(bytes: Buffer, start: number, stride: number): string {
    let text = ''
    for (let n = 0; n < this.#needle.following && start + n * stride < bytes.length; n++) text += String.fromCharCode(bytes[start + n * stride] ?? 0)
    return text
  }
}

/** What is found first counts: that without its first slash comes last. */
function formsOf(text: string): Form[] {
  const form = (spelt: string, stride = 1, isBare = false): Form =>
    ({stride, from: spread(spelt, stride), length: spelt.length * stride, x: spelt.indexOf('x') * stride, isBare})
  return [form(text), form(text, 2), form(text, 4), ...ESCAPED_SLASHES.map(slash => form(text.replaceAll('/', () => slash))), form(text.slice(1), 1, true)]
}
