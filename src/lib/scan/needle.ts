import {HASH_LENGTH, STORE_DIR, VIEW_DIR} from '../nix/store-path.ts'

/** A text to look for, in UTF-8 and in UTF-16 and UTF-32 of either byte order. */
export interface Needle {
  text: string
  /** how many characters after it must be known */
  following: number
  /** whether with those after it, it is one; they are fewer at the end of the bytes */
  accepts: (following: string) => boolean
}

/** What a builder's view of the store leaves in what it compresses: a dead path for whoever has a real /nix/store. */
export const VIEW_PATH: Needle = {text: `${VIEW_DIR}/`, following: 0, accepts: () => true}

/** Store paths of which some could not be made the view's. @param hashParts of the paths that matter */
export function storePathsOf(hashParts: Iterable<string>): Needle {
  const known = new Set(hashParts)
  return {
    text: `${STORE_DIR}/`, following: HASH_LENGTH + 1,
    accepts: following => following.endsWith('-') && known.has(following.slice(0, HASH_LENGTH)),
  }
}

interface Form {
  /** 1: UTF-8. 2: UTF-16. 4: UTF-32 */
  stride: number
  /** from the first character's byte to the last's: the same for both byte orders, whose zeros lie outside */
  bytes: Buffer
}

/** Finds the first occurrence in bytes that come in pieces. */
export class Finder {
  readonly #needle: Needle
  /** An x and what follows it are searched for: rare in text and programs alike, so that is found several times faster. */
  readonly #probes: {bytes: Buffer; forms: Form[]}[]
  readonly #x: number
  readonly #window: number
  #rest: Buffer = Buffer.alloc(0)
  #before = 0

  /** @param needle its text must have an x in it */
  constructor(needle: Needle) {
    const {text, following} = needle
    this.#needle = needle
    this.#x = text.indexOf('x')
    this.#probes = [
      {bytes: Buffer.from(text.slice(this.#x)), forms: [formOf(text, 1)]},
      {bytes: Buffer.from('x\0'), forms: [formOf(text, 2), formOf(text, 4)]},
    ]
    this.#window = (text.length + following) * 4
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
    for (const {bytes: probe, forms} of this.#probes) {
      for (let x = bytes.indexOf(probe); x >= 0; x = bytes.indexOf(probe, x + 1)) {
        const at = forms.map(form => this.#startAt(bytes, x, form)).find(start => start !== null && start <= last) ?? null
        if (at === null) continue
        first = first === null ? at : Math.min(first, at)
        break
      }
    }

    return first === null ? null : this.#before + first
  }

  /** Where the text begins whose x is at `x`, or null where it is another. */
  #startAt(bytes: Buffer, x: number, {stride, bytes: form}: Form): number | null {
    const at = x - this.#x * stride
    if (at < 0 || bytes.compare(form, 0, form.length, at, Math.min(bytes.length, at + form.length)) !== 0) return null
    return this.#needle.accepts(this.#textAt(bytes, at + this.#needle.text.length * stride, stride)) ? at : null
  }

  #textAt(bytes: Buffer, start: number, stride: number): string {
    let text = ''
    for (let n = 0; n < this.#needle.following && start + n * stride < bytes.length; n++) text += String.fromCharCode(bytes[start + n * stride] ?? 0)
    return text
  }
}

function formOf(text: string, stride: number): Form {
  const bytes = Buffer.alloc((text.length - 1) * stride + 1)
  for (let n = 0; n < text.length; n++) bytes[n * stride] = text.charCodeAt(n)
  return {stride, bytes}
}
