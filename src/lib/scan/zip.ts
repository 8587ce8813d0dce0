import type {ByteSource} from './byte-source.ts'

// A reader of our own: mending sums needs to know where each of a member's CRCs stands, which no library tells.
// Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT

/** A member, as the central directory has it. */
export interface ZipMember {
  /** for messages; Latin-1 where it is not UTF-8 */
  name: string
  /** 0 stored, 8 deflate, 12 bzip2, 93 zstd, 95 xz */
  method: number
  isEncrypted: boolean
  crc: number
  /** where its bytes are, compressed as they are */
  dataAt: number
  /** bytes from there on */
  size: number
  /** each place that holds the CRC, as 4 bytes */
  crcsAt: number[]
}

/** bytes of the record that ends a zip without a comment */
export const ZIP_END_LENGTH = 22

const END = {signature: 0x06054b50, length: ZIP_END_LENGTH, maxComment: 0xffff}
const END64 = {signature: 0x06064b50, length: 56, locator: 0x07064b50, locatorLength: 20}
const CENTRAL = {signature: 0x02014b50, length: 46}
const LOCAL = {signature: 0x04034b50, length: 30}
const DESCRIPTOR_SIGNATURE = 0x08074b50
const FLAG = {encrypted: 1, descriptor: 8, utf8: 0x800}
const IN_ZIP64 = 0xffffffff
/** Bytes; some 700 000 members. A longer directory is not read into memory. */
const MAX_DIRECTORY = 64 * 1024 * 1024

/** Whether a file that does not begin like a zip ends like one: a program or a script with a zip after it. */
export function endsLikeZip(source: ByteSource): boolean {
  const end = source.read(Math.max(0, source.size - END.length), END.length)
  return end.length === END.length && end.readUInt32LE(0) === END.signature
}

/**
 * The members of a zip, whatever precedes it. Null where the bytes are no zip, or a broken one, or one whose directory is
 * longer than anybody's.
 */
export function readZip(source: ByteSource): ZipMember[] | null {
  const directory = findDirectory(source)
  if (directory === null || directory.size > MAX_DIRECTORY) return null
  const bytes = source.read(directory.at, directory.size)
  if (bytes.length !== directory.size) return null
  const members: ZipMember[] = []
  for (let at = 0; at + CENTRAL.length <= bytes.length && bytes.readUInt32LE(at) === CENTRAL.signature;) {
    const length = CENTRAL.length + bytes.readUInt16LE(at + 28) + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32)
    const member = readMember(source, bytes.subarray(at, at + length), directory.at + at, directory.shift)
    if (member === null) return null
    members.push(member)
    at += length
  }

  return members
}

/** `shift`: how many bytes precede the zip that its own offsets do not count. */
function findDirectory(source: ByteSource): {at: number; size: number; shift: number} | null {
  const tailAt = Math.max(0, source.size - END.length - END.maxComment)
  const tail = source.read(tailAt, source.size - tailAt)
  for (let at = tail.length - END.length; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== END.signature || at + END.length + tail.readUInt16LE(at + 20) !== tail.length) continue
    const endAt = tailAt + at
    const large = findDirectory64(source, endAt)
    const size = large?.size ?? tail.readUInt32LE(at + 12)
    const offset = large?.offset ?? tail.readUInt32LE(at + 16)
    const directoryAt = (large?.at ?? endAt) - size
    return directoryAt >= offset ? {at: directoryAt, size, shift: directoryAt - offset} : null
  }

  return null
}

function findDirectory64(source: ByteSource, endAt: number): {at: number; size: number; offset: number} | null {
  const locator = source.read(Math.max(0, endAt - END64.locatorLength), END64.locatorLength)
  if (locator.length < END64.locatorLength || locator.readUInt32LE(0) !== END64.locator) return null
  // Where the locator says it is does not count what precedes the zip; it lies right before the locator.
  const at = endAt - END64.locatorLength - END64.length
  const end = at < 0 ? Buffer.alloc(0) : source.read(at, END64.length)
  if (end.length < END64.length || end.readUInt32LE(0) !== END64.signature) return null
  return {at, size: Number(end.readBigUInt64LE(40)), offset: Number(end.readBigUInt64LE(48))}
}

function readMember(source: ByteSource, entry: Buffer, entryAt: number, shift: number): ZipMember | null {
  const nameLength = entry.readUInt16LE(28)
  const flags = entry.readUInt16LE(8)
  const extra = entry.subarray(CENTRAL.length + nameLength, CENTRAL.length + nameLength + entry.readUInt16LE(30))
  const {size, localAt} = sizeAndPlace(entry, extra)
  const local = source.read(localAt + shift, LOCAL.length)
  if (local.length < LOCAL.length || local.readUInt32LE(0) !== LOCAL.signature) return null
  const dataAt = localAt + shift + LOCAL.length + local.readUInt16LE(26) + local.readUInt16LE(28)
  if (dataAt + size > source.size) return null
  const hasDescriptor = (flags & FLAG.descriptor) !== 0
  return {
    name: entry.toString((flags & FLAG.utf8) === 0 ? 'latin1' : 'utf8', CENTRAL.length, CENTRAL.length + nameLength),
    method: entry.readUInt16LE(10), isEncrypted: (flags & FLAG.encrypted) !== 0, crc: entry.readUInt32LE(16), dataAt, size,
    crcsAt: [entryAt + 16, hasDescriptor ? descriptorCrcAt(source, dataAt + size) : localAt + shift + 14],
  }
}

function sizeAndPlace(entry: Buffer, extra: Buffer): {size: number; localAt: number} {
  let size = entry.readUInt32LE(20)
  let localAt = entry.readUInt32LE(42)
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue
    const values = extra.subarray(at + 4, at + 4 + extra.readUInt16LE(at + 2))
    // Only those that did not fit are there, in this order.
    let next = entry.readUInt32LE(24) === IN_ZIP64 ? 8 : 0
    const take = () => {
      const value = next + 8 <= values.length ? Number(values.readBigUInt64LE(next)) : Number.NaN
      next += 8
      return value
    }

    if (size === IN_ZIP64) size = take()
    if (localAt === IN_ZIP64) localAt = take()
  }

  // Of a length that no file has: the member is refused for not lying in the file.
  return {size: Number.isSafeInteger(size) ? size : Number.MAX_SAFE_INTEGER, localAt: Number.isSafeInteger(localAt) ? localAt : 0}
}

/** The descriptor's own signature is optional. */
function descriptorCrcAt(source: ByteSource, at: number): number {
  const start = source.read(at, 4)
  return start.length === 4 && start.readUInt32LE(0) === DESCRIPTOR_SIGNATURE ? at + 4 : at
}
