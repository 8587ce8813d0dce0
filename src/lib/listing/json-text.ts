import {fromText, toBytes, toText, type ByteString} from '../slug/byte-string.ts'

/**
 * Bytes as text in JSON, without loss: UTF-8 where they are that, and each other byte as a lone surrogate, U+DC80 to
 * U+DCFF, which JSON writes as `\udc80` and gives back. That is how Python names such files (PEP 383).
 */
export function toJsonText(bytes: ByteString): string {
  if (isAscii(bytes)) return bytes
  const text = toText(bytes)
  return fromText(text) === bytes ? text : escapeOthers(toBytes(bytes))
}

/** @returns null for text that no bytes give: another lone surrogate, or an escaped byte that needed no escape */
export function fromJsonText(text: string): ByteString | null {
  if (isAscii(text)) return text as ByteString
  const bytes = text.split(/([\uDC80-\uDCFF])(?<![\uD800-\uDBFF][\uDC80-\uDCFF])/)
    .map((part, index) => index % 2 === 1 ? String.fromCharCode(part.charCodeAt(0) - 0xdc00) : part.isWellFormed() ? fromText(part) : null)
  if (bytes.includes(null)) return null
  const joined = bytes.join('') as ByteString
  return toJsonText(joined) === text ? joined : null
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text)
}

function escapeOthers(bytes: Buffer): string {
  let text = ''
  for (let at = 0; at < bytes.length;) {
    const length = characterLength(bytes, at)
    text += length === 0 ? String.fromCharCode(0xdc00 + (bytes[at] ?? 0)) : bytes.toString('utf8', at, at + length)
    at += Math.max(1, length)
  }

  return text
}

/** How many bytes the UTF-8 character at `at` has; 0: there is none. */
function characterLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0
  const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  const character = bytes.subarray(at, at + length)
  return Buffer.from(character.toString('utf8')).equals(character) ? length : 0
}
