import {toText, type ByteString} from '../slug/byte-string.ts'

const HASH = /^[0-9a-z]{32}-/

/**
 * A rule's pattern for one thing in the store; the hash, which the next build may change, is a `*`.
 * @param path relative to the store
 * @returns null where no line can say it: a name with a line's end in it, or one that is no text
 */
export function literalPattern(path: ByteString): string | null {
  const text = toText(path)
  if (/[\r\n\0\uFFFD]/.test(text) || /\s$/.test(text)) return null
  return `/store/${text.replace(HASH, '\0').replaceAll(/[\\*?[]/g, String.raw`\$&`).replace('\0', '*-')}`
}

/** The same with the hash, for where the name alone would match something else too. */
export function exactPattern(path: ByteString): string | null {
  const text = toText(path)
  if (/[\r\n\0\uFFFD]/.test(text) || /\s$/.test(text)) return null
  // Without a wildcard a backslash stands for itself.
  return `/store/${/[*?[]/.test(text) ? text.replaceAll(/[\\*?[]/g, String.raw`\$&`) : text}`
}
