import {EXIT, NixError} from '../errors.ts'
import {withoutControls} from '../output/without-controls.ts'
import type {ByteString} from '../slug/byte-string.ts'

/** The longest of a NAR's own words, with room for a wrong one to be shown. */
const MAX_WORD = 64

/** A NAR's strings, off a stream: a 64-bit length, the bytes, zeros up to a multiple of eight. */
export interface NarSource {
  /** The next string must be this one. */
  expect(word: string): Promise<void>
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
  /** of the newest piece, where what is held had to be put together */
  let rest: Buffer = Buffer.alloc(0)
  let ended = false

  /** Holds as much, and no more where it must be copied: a piece may be megabytes. */
  async function fill(length: number): Promise<void> {
    while (held.length < length) {
      if (rest.length === 0) await more()
      const count = held.length === 0 ? rest.length : length - held.length
      const part = rest.subarray(0, count)
      rest = rest.subarray(count)
      held = held.length === 0 ? part : Buffer.concat([held, part])
    }
  }

  async function more(): Promise<void> {
    held = Buffer.from(held)
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
    if (held.length < 8) await fill(8)
    const low = held.readUInt32LE(0)
    const high = held.readUInt32LE(4)
    if (high >= 2 ** 21) throw badNar(`a length of ${held.readBigUInt64LE(0).toString()}`)
    return high * 2 ** 32 + low
  }

  function take(count: number): Buffer {
    const taken = held.subarray(0, count)
    held = held.subarray(count)
    return taken
  }

  async function peek(maxLength: number, what: string): Promise<{text: Buffer; whole: number}> {
    const size = await length()
    if (size > maxLength) throw badNar(`${what} is ${size} bytes long`)
    const whole = 8 + size + padding(size)
    if (held.length < whole) await fill(whole)
    checkZero(held.subarray(8 + size, whole))
    return {text: held.subarray(8, 8 + size), whole}
  }

  async function string(maxLength: number, what: string): Promise<Buffer> {
    const {text, whole} = await peek(maxLength, what)
    take(whole)
    return text
  }

  async function word(): Promise<string> {
    return (await string(MAX_WORD, 'a word of the format')).toString('latin1')
  }

  return {
    string, word,
    peekWord: async () => (await peek(MAX_WORD, 'a word of the format')).text.toString('latin1'),

    async expect(wanted) {
      const found = await word()
      if (found !== wanted) throw badNar(`${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`)
    },

    async contents() {
      const size = await length()
      take(8)
      let left = size
      let padded = false
      async function* bytes(): AsyncGenerator<Buffer, void> {
        while (left > 0) {
          if (held.length === 0) await fill(1)
          const piece = take(Math.min(left, held.length))
          left -= piece.length
          yield piece
        }
      }

      return {
        size, bytes,
        async skip() {
          // eslint-disable-next-line @typescript-eslint/no-unused-vars -- passed over
          for await (const _ of bytes()) { /* nobody wanted it */ }
          if (padded) return
          padded = true
          const zeros = padding(size)
          if (held.length < zeros) await fill(zeros)
          checkZero(take(zeros))
        },
      }
    },

    async end() {
      while (held.length === 0 && rest.length === 0 && await next()) { /* empty pieces */ }
      if (held.length > 0 || rest.length > 0) throw badNar('something follows its end')
    },
  }
}

const padding = (size: number) => (8 - (size % 8)) % 8

function checkZero(bytes: Buffer): void {
  if (bytes.some(byte => byte !== 0)) throw badNar('padding that is not zero')
}

export function badNar(what: string): NixError {
  return new NixError(withoutControls(`Bad NAR: ${what}.`), {code: 'BAD_NAR', exit: EXIT.verification})
}
