import {EXIT, NixError} from '../errors.ts'
import {withoutControls} from '../output/without-controls.ts'
import type {ByteString} from '../slug/byte-string.ts'

/** The longest of a NAR's own words, with room for a wrong one to be shown. */
const MAX_WORD = 64

/** A NAR's strings, off a stream: a 64-bit length, the bytes, zeros up to a multiple of eight. */
export interface NarSource {
  /** The next strings must be these. */
  expect(...words: string[]): Promise<void>
  /** One of the format's own words. @param path what it is about, for messages */
  word(path: ByteString): Promise<string>
  /** The same, left where it is. */
  peekWord(path: ByteString): Promise<string>
  /** Valid until the next call. @param what for messages */
  string(maxLength: number, what: string): Promise<Buffer>
  /** A string of any length, in pieces. `skip` passes over what was not read and must be called before anything else is read. */
  contents(): Promise<{size: number; bytes: () => AsyncGenerator<Buffer, void>; skip: () => Promise<void>}>
  /** Nothing may follow. */
  end(): Promise<void>
}

/** @param input each piece is used until the next is asked for */
export function narSource(input: AsyncIterable<Uint8Array>): NarSource {
  const pieces = input[Symbol.asyncIterator]()
  let held: Buffer = Buffer.alloc(0)
  /** how much of it was taken */
  let at = 0
  /** of the newest piece, where what is held had to be put together */
  let rest: Buffer = Buffer.alloc(0)
  let ended = false

  const left = () => held.length - at

  /** Holds as much, and no more where it must be copied: a piece may be megabytes. */
  async function fill(length: number): Promise<void> {
    while (left() < length) {
      if (rest.length === 0) await more()
      const part = rest.subarray(0, left() === 0 ? rest.length : length - left())
      rest = rest.subarray(part.length)
      held = left() === 0 ? part : Buffer.concat([held.subarray(at), part])
      at = 0
    }
  }

  async function more(): Promise<void> {
    held = Buffer.from(held.subarray(at))
    at = 0
    if (!(await next())) throw badNar('it ends too early')
  }

  async function next(): Promise<boolean> {
    if (ended) return false
    const piece = await pieces.next()
    if (piece.done) ended = true
    else rest = Buffer.from(piece.value.buffer, piece.value.byteOffset, piece.value.byteLength)
    return !ended
  }

  async function length(): Promise<number> {
    if (left() < 8) await fill(8)
    const low = held.readUInt32LE(at)
    const high = held.readUInt32LE(at + 4)
    if (high >= 2 ** 21) throw badNar(`a length of ${held.readBigUInt64LE(at).toString()}`)
    return high * 2 ** 32 + low
  }

  function take(count: number): Buffer {
    at += count
    return held.subarray(at - count, at)
  }

  async function peek(maxLength: number, what: string): Promise<{text: Buffer; whole: number}> {
    const size = await length()
    if (size > maxLength) throw badNar(`${what} is ${size} bytes long`)
    const whole = 8 + size + padding(size)
    if (left() < whole) await fill(whole)
    checkZero(held.subarray(at + 8 + size, at + whole))
    return {text: held.subarray(at + 8, at + 8 + size), whole}
  }

  async function string(maxLength: number, what: string): Promise<Buffer> {
    const {text, whole} = await peek(maxLength, what)
    at += whole
    return text
  }

  async function word(): Promise<string> {
    return (await string(MAX_WORD, 'a word of the format')).toString('latin1')
  }

  return {
    string, word,
    peekWord: async () => (await peek(MAX_WORD, 'a word of the format')).text.toString('latin1'),

    async expect(...words) {
      // Most of what is in a NAR, and mostly it is there: then this is all that it costs.
      const bytes = bytesOf(words)
      if (left() >= bytes.length && held.compare(bytes, 0, bytes.length, at, at + bytes.length) === 0) {
        at += bytes.length
        return
      }

      for (const wanted of words) {
        const found = await word()
        if (found !== wanted) throw badNar(`${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`)
      }
    },

    async contents() {
      const size = await length()
      at += 8
      let unread = size
      let padded = false
      async function* bytes(): AsyncGenerator<Buffer, void> {
        while (unread > 0) {
          if (left() === 0) await fill(1)
          const piece = take(Math.min(unread, left()))
          unread -= piece.length
          yield piece
        }
      }

      return {
        size, bytes,
        async skip() {
          while (unread > 0) {
            if (left() === 0) await fill(1)
            const count = Math.min(unread, left())
            at += count
            unread -= count
          }

          if (padded) return
          padded = true
          const zeros = padding(size)
          if (left() < zeros) await fill(zeros)
          checkZero(take(zeros))
        },
      }
    },

    async end() {
      while (left() === 0 && rest.length === 0 && await next()) { /* empty pieces */ }
      if (left() > 0 || rest.length > 0) throw badNar('something follows its end')
    },
  }
}

const known = new Map<string, Buffer>()

/** Words as they stand in a NAR. */
function bytesOf(words: readonly string[]): Buffer {
  const text = words.join(' ')
  let bytes = known.get(text)
  if (!bytes) {
    bytes = Buffer.concat(words.flatMap(word => {
      const size = Buffer.alloc(8)
      size.writeUInt32LE(word.length)
      return [size, Buffer.from(word), Buffer.alloc(padding(word.length))]
    }))
    known.set(text, bytes)
  }

  return bytes
}

const padding = (size: number) => (8 - (size % 8)) % 8

function checkZero(bytes: Buffer): void {
  if (bytes.some(byte => byte !== 0)) throw badNar('padding that is not zero')
}

export function badNar(what: string): NixError {
  return new NixError(withoutControls(`Bad NAR: ${what}.`), {code: 'BAD_NAR', exit: EXIT.verification})
}
