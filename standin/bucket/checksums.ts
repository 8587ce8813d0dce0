import {createHash} from 'node:crypto'
import {crc32} from 'node:zlib'
import {S3Error} from './s3-error.ts'

/** A checksum of S3's "flexible" kind, kept with its object. */
export interface Checksum {
  algorithm: ChecksumAlgorithm
  /** base 64 */
  value: string
}

export type ChecksumAlgorithm = 'crc32' | 'sha1' | 'sha256'

interface RunningDigest {
  update(bytes: Uint8Array): void
  /** base 64 */
  digest(): string
}

const PREFIX = 'x-amz-checksum-'
const NOT_VALUES = ['x-amz-checksum-algorithm', 'x-amz-checksum-mode', 'x-amz-checksum-type']

/** The algorithm that a header's name asks for: `x-amz-checksum-crc32` → `crc32`; null for any other header. */
export function checksumAlgorithm(header: string): ChecksumAlgorithm | null {
  if (!header.startsWith(PREFIX) || NOT_VALUES.includes(header)) {
    return null
  }

  const name = header.slice(PREFIX.length)
  if (!isSupported(name)) {
    throw new S3Error('NotImplemented', `This server computes CRC32, SHA1 and SHA256 checksums, not ${name.toUpperCase()}.`)
  }

  return name
}

export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `${PREFIX}${algorithm}`
}

export function startDigest(algorithm: ChecksumAlgorithm | 'md5'): RunningDigest {
  if (algorithm !== 'crc32') {
    const hash = createHash(algorithm)
    return {update: bytes => void hash.update(bytes), digest: () => hash.digest('base64')}
  }

  let value = 0
  return {
    update: bytes => {
      value = crc32(bytes, value)
    },
    digest: () => {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32BE(value)
      return bytes.toString('base64')
    },
  }
}

function isSupported(name: string): name is ChecksumAlgorithm {
  return name === 'crc32' || name === 'sha1' || name === 'sha256'
}
