import {isTarHeader, parseOctal} from './container.ts'
import type {ByteSource} from './byte-source.ts'

export const TAR_BLOCK = 512

/** A member's places in an uncompressed tar. */
export interface TarPlace {
  /** of its 512 bytes of header */
  headerAt: number
  dataAt: number
  /** bytes of content */
  size: number
}

/** Whoever's content is not `size` bytes long, whatever the header says (links, folders, devices). */
const WITHOUT_CONTENT = '123456'

/** The headers of a tar up to its end, or to the first block that is none. */
export function* tarPlaces(source: ByteSource): Generator<TarPlace> {
  for (let at = 0; at + TAR_BLOCK <= source.size;) {
    const header = source.read(at, TAR_BLOCK)
    if (!isTarHeader(header)) return
    const size = WITHOUT_CONTENT.includes(header.toString('latin1', 156, 157)) ? 0 : sizeOf(header)
    const dataAt = at + TAR_BLOCK
    if (size === null || dataAt + size > source.size) return
    yield {headerAt: at, dataAt, size}
    at = dataAt + Math.ceil(size / TAR_BLOCK) * TAR_BLOCK
  }
}

/** Eleven octal digits, or above 8 GiB a binary number with the first bit set. */
function sizeOf(header: Buffer): number | null {
  if (((header[124] ?? 0) & 0x80) === 0) return parseOctal(header.subarray(124, 136))
  const size = header.readBigUInt64BE(128)
  return size <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(size) : null
}
