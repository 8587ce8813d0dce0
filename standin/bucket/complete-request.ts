import type {ChecksumAlgorithm} from './checksums.ts'
import {S3Error} from './s3-error.ts'
import type {Part} from './upload-store.ts'
import {isRecord, malformedXml, parseXml} from './xml.ts'

/** Every part but the last must have this many bytes. */
export const MIN_PART_SIZE = 5 * 1024 * 1024

/** A part as CompleteMultipartUpload names it. */
interface NamedPart {
  number: number
  /** without quotes */
  etag: string
  checksums: Readonly<Partial<Record<ChecksumAlgorithm, string>>>
}

export function parsePartList(body: string): NamedPart[] {
  const {Part: parts} = parseXml(body, 'CompleteMultipartUpload')
  if (!Array.isArray(parts)) {
    throw malformedXml()
  }

  return parts.map((part: unknown) => {
    const {PartNumber: number, ETag: etag, ChecksumCRC32: crc32, ChecksumSHA1: sha1, ChecksumSHA256: sha256} = isRecord(part) ? part : {}
    if (typeof number !== 'string' || !/^\s*\d{1,5}\s*$/.test(number) || typeof etag !== 'string') {
      throw malformedXml()
    }

    const checksums = Object.fromEntries(Object.entries({crc32, sha1, sha256}).filter(([, value]) => typeof value === 'string'))
    return {number: Number(number), etag: etag.trim().replaceAll('"', ''), checksums}
  })
}

/** The stored parts that make the object, when the list names them rightly; else throws S3's answer. */
export function checkPartList(named: readonly NamedPart[], stored: ReadonlyMap<number, Part>, required: ChecksumAlgorithm | null): Part[] {
  const parts = named.map(({number, etag, checksums}, index) => {
    const part = stored.get(number)
    if (index > 0 && number <= (named[index - 1]?.number ?? 0)) {
      throw new S3Error('InvalidPartOrder', 'The list of parts was not in ascending order. Parts must be ordered by part number.')
    }

    if (required !== null && checksums[required] === undefined) {
      throw new S3Error('InvalidRequest', `The upload was created using a ${required} checksum. The complete request must include the checksum for each part. It was missing for part ${number} in the request.`)
    }

    if (part?.blob.md5 !== etag || Object.entries(checksums).some(([algorithm, value]) => part.checksum?.algorithm !== algorithm || part.checksum.value !== value)) {
      throw new S3Error('InvalidPart', 'One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part\'s entity tag.', {
        PartNumber: String(number), ETag: etag,
      })
    }

    return part
  })

  const small = parts.slice(0, -1).find(part => part.blob.size < MIN_PART_SIZE)
  if (small) {
    throw new S3Error('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size', {
      ProposedSize: String(small.blob.size), MinSizeAllowed: String(MIN_PART_SIZE), PartNumber: String(small.number), ETag: small.blob.md5,
    })
  }

  return parts
}
