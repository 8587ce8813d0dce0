import {crc32} from 'node:zlib'
import {partOf, patchablePartOf, piecesOf, type ByteSource, type Patchable} from './byte-source.ts'
import {MAGIC_LENGTH, containerOf, isSealed, tarSum} from './container.ts'
import {TAR_BLOCK, tarPlaces} from './tar-layout.ts'
import {endsLikeZip, readZip, type ZipMember} from './zip.ts'

const MAX_DEPTH = 6

/**
 * Makes archives whole again in which bytes were replaced by as many others: the sums of tar headers, the CRCs of members
 * that a zip stores. What is compressed or encrypted inside gets its old bytes back, since its sums cannot be mended.
 * @param before the bytes as they were, whose sums were right
 * @param after the same with the replacements; is changed
 */
export function repairSums(before: ByteSource, after: Patchable, depth = 0): void {
  if (depth > MAX_DEPTH) {
    restore(before, after)
    return
  }

  const container = containerOf(before.read(0, MAGIC_LENGTH))
  if (isSealed(container)) restore(before, after)
  else if (container === 'tar') repairTar(before, after, depth)
  else if (container === 'zip' || endsLikeZip(before)) repairZip(before, after, depth)
}

function repairTar(before: ByteSource, after: Patchable, depth: number): void {
  for (const {headerAt, dataAt, size} of tarPlaces(before)) {
    const old = before.read(headerAt, TAR_BLOCK)
    const header = after.read(headerAt, TAR_BLOCK)
    if (!old.equals(header)) after.write(headerAt + 148, sumField(old.subarray(148, 156), tarSum(header)))
    repairPart(before, after, {at: dataAt, size, depth})
  }
}

/** In the old field's style, so that what is mapped one way and back is what it was. */
function sumField(old: Buffer, sum: number): Buffer {
  return Buffer.from(old.toString('latin1').replace(/ *[0-7]+/, digits => {
    const octal = sum.toString(8)
    return digits.startsWith(' ') ? octal.padStart(digits.length, ' ') : octal.padStart(digits.length, '0')
  }), 'latin1')
}

function repairZip(before: ByteSource, after: Patchable, depth: number): void {
  for (const member of readZip(before) ?? []) {
    const {dataAt, size} = member
    if (member.method !== 0 || member.isEncrypted) restore(partOf(before, dataAt, size), patchablePartOf(after, dataAt, size))
    else if (repairPart(before, after, {at: dataAt, size, depth})) writeCrc(before, after, member)
  }
}

function writeCrc(before: ByteSource, after: Patchable, {dataAt, size, crc, crcsAt}: ZipMember): void {
  // A CRC that was wrong before is somebody's intention, or nobody's loss.
  if (crcOf(partOf(before, dataAt, size)) !== crc) return
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(crcOf(partOf(after, dataAt, size)))
  for (const at of crcsAt) {
    const old = before.read(at, 4)
    if (old.length === 4 && old.readUInt32LE() === crc) after.write(at, bytes)
  }
}

/** Whether anything in the part was replaced. */
function repairPart(before: ByteSource, after: Patchable, {at, size, depth}: {at: number; size: number; depth: number}): boolean {
  const [old, made] = [partOf(before, at, size), patchablePartOf(after, at, size)]
  if (!differ(old, made)) return false
  repairSums(old, made, depth + 1)
  return true
}

function crcOf(source: ByteSource): number {
  let crc = 0
  for (const piece of piecesOf(source)) crc = crc32(piece, crc)
  return crc
}

function differ(before: ByteSource, after: ByteSource): boolean {
  let at = 0
  for (const piece of piecesOf(before)) {
    if (!piece.equals(after.read(at, piece.length))) return true
    at += piece.length
  }

  return false
}

function restore(before: ByteSource, after: Patchable): void {
  let at = 0
  for (const piece of piecesOf(before)) {
    if (!piece.equals(after.read(at, piece.length))) after.write(at, piece)
    at += piece.length
  }
}
