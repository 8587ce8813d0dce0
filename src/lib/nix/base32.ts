const ALPHABET = '0123456789abcdfghijklmnpqrsvwxyz'

/** Nix's base-32: its own alphabet, least significant digit last (nix: src/libutil/base-nix-32.cc). */
export function encodeBase32(bytes: Uint8Array): string {
  const length = Math.ceil((bytes.length * 8) / 5)
  let text = ''
  for (let n = length - 1; n >= 0; n--) {
    const bit = n * 5
    const index = bit >> 3
    const shift = bit & 7
    const low = (bytes[index] ?? 0) >> shift
    const high = shift > 3 ? (bytes[index + 1] ?? 0) << (8 - shift) : 0
    text += ALPHABET.charAt((low | high) & 31)
  }

  return text
}

/** The bytes of a Nix base-32 text; throws when a character or the padding is wrong. */
export function decodeBase32(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8))
  for (let n = 0; n < text.length; n++) {
    const character = text.charAt(text.length - n - 1)
    const digit = ALPHABET.indexOf(character)
    if (digit < 0) throw new Error(`not Nix base-32: ${JSON.stringify(text)} has ${JSON.stringify(character)}`)
    const bit = n * 5
    const index = bit >> 3
    const shift = bit & 7
    const carry = shift > 3 ? digit >> (8 - shift) : 0
    if (index < bytes.length) bytes[index] = (bytes[index] ?? 0) | ((digit << shift) & 255)
    if (carry !== 0) {
      if (index + 1 >= bytes.length) throw new Error(`not Nix base-32: ${JSON.stringify(text)} has bits to spare`)
      bytes[index + 1] = (bytes[index + 1] ?? 0) | carry
    }
  }

  return bytes
}
