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

/** Finds the first occurrence in bytes that come in pieces. */
export class Finder {
  readonly #needle: Needle
  readonly #forms: {stride: number; bytes: Buffer}[]
  readonly #window: number
  #rest: Buffer = Buffer.alloc(0)
  #before = 0

  constructor(needle: Needle) {
    this.#needle = needle
    // From the first character's byte to the last's: the same for both byte orders, whose zeros lie outside.
    this.#forms = [1, 2, 4].map(stride => {
      const bytes = Buffer.alloc((needle.text.length - 1) * stride + 1)
      for (let n = 0; n < needle.text.length; n++) bytes[n * stride] = needle.text.charCodeAt(n)
      return {stride, bytes}
    })
    this.#window = (needle.text.length + needle.following) * 4
  }

  /** Takes the next piece; it is not kept. @returns the place of the first occurrence, in bytes from the start, or null so far */
  feed(piece: Buffer): number | null {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    const found = this.#find(bytes, bytes.length - this.#window)
    const kept = Math.min(bytes.length, this.#window - 1)
    this.#before += bytes.length - kept
    this.#rest = Buffer.from(bytes.subarray(bytes.length - kept))
    return found === null ? null : found
  }

  /** Nothing follows. */
  end(): number | null {
    return this.#find(this.#rest, this.#rest.length)
  }

  /** @param last the last place at which one may begin: all that decides about it is there */
  #find(bytes: Buffer, last: number): number | null {
    let first: number | null = null
    for (const {stride, bytes: form} of this.#forms) {
      for (let at = bytes.indexOf(form); at >= 0 && at <= last; at = bytes.indexOf(form, at + 1)) {
        if (!this.#needle.accepts(this.#textAt(bytes, at + this.#needle.text.length * stride, stride))) continue
        first = first === null ? at : Math.min(first, at)
        break
      }
    }

    return first === null ? null : this.#before + first
  }

  #textAt(bytes: Buffer, start: number, stride: number): string {
    let text = ''
    for (let n = 0; n < this.#needle.following && start + n * stride < bytes.length; n++) text += String.fromCharCode(bytes[start + n * stride] ?? 0)
    return text
  }
}

/** The first occurrence in one piece of text, such as a name. */
export function isIn(needle: Needle, text: string): boolean {
  const finder = new Finder(needle)
  return finder.feed(Buffer.from(text)) !== null || finder.end() !== null
}
