/**
 * A name or a path as bytes, one character (U+0000 to U+00FF) per byte. Store paths hold names that are not
 * UTF-8, and rsync's rules match bytes; in this form they compare, slice and serve as keys like text does.
 */
export type ByteString = string & {readonly __bytes: never}

export function fromBytes(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1') as ByteString
}

export function fromText(text: string): ByteString {
  return fromBytes(Buffer.from(text, 'utf8'))
}

export function toBytes(bytes: ByteString): Buffer {
  return Buffer.from(bytes, 'latin1')
}

/** For messages: what is not UTF-8 shows as U+FFFD. */
export function toText(bytes: ByteString): string {
  return toBytes(bytes).toString('utf8')
}

/** For sorting: the order of NARs and of `LC_ALL=C sort`. */
export function compareBytes(a: ByteString, b: ByteString): number {
  return a < b ? -1 : a > b ? 1 : 0
}
