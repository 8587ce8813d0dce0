import {createHash} from 'node:crypto'
import {decodeChunked} from './aws-chunked.ts'
import {checksumAlgorithm, startDigest} from './checksums.ts'
import type {Checksum, ChecksumAlgorithm} from './checksums.ts'
import type {PayloadMode} from './payload-mode.ts'
import {S3Error} from './s3-error.ts'
import type {ChunkVerifier} from './signature-verifier.ts'

/** The most that one PUT may carry, as on AWS. */
const MAX_SIZE = 5 * 1024 ** 3

export interface PayloadOptions {
  /** the request's, lower-case names */
  headers: Readonly<Record<string, string>>
  mode: PayloadMode
  /** for bodies of signed chunks */
  verifier: ChunkVerifier | null
  source: AsyncIterable<Buffer>
}

/** A request's body: its data passes through, checked on the way against all that the request says about it. */
export interface Payload {
  /** Throws at its end, the latest, when the data is not what the request promised: keep nothing before that. */
  data: AsyncIterable<Buffer>
  /** The checksum that was checked; known when `data` has ended, null when the request named none. */
  checksum: () => Checksum | null
  /** MD5 or a checksum came with the request. */
  guarded: boolean
}

/** Prepares to read a body. A request that is wrong before its first byte fails here. */
export function readPayload({headers, mode, verifier, source}: PayloadOptions): Payload {
  const size = announcedSize(headers, mode)
  const trailer = mode.kind === 'chunked' && mode.trailer ? parseNames(headers['x-amz-trailer']) : []
  const expected = expectedChecksum(headers, trailer)
  const md5 = headers['content-md5'] ?? null
  if (md5 !== null && !/^[\d+/A-Za-z]{22}==$/.test(md5)) {
    throw new S3Error('InvalidDigest', 'The Content-MD5 you specified is not valid.')
  }

  let checksum: Checksum | null = null
  let trailing: ReadonlyMap<string, string> = new Map()
  const decoded = mode.kind === 'chunked'
    ? decodeChunked({source, verifier: mode.signed ? verifier : null, trailer, onTrailer: values => trailing = values})
    : source

  async function* data(): AsyncGenerator<Buffer> {
    const sha256 = mode.kind === 'sha256' ? createHash('sha256') : null
    const md5Digest = md5 === null ? null : startDigest('md5')
    const digest = expected ? startDigest(expected.algorithm) : null
    let received = 0
    for await (const bytes of decoded) {
      received += bytes.length
      if (received > size) {
        break
      }

      sha256?.update(bytes)
      md5Digest?.update(bytes)
      digest?.update(bytes)
      yield bytes
    }

    if (received !== size) {
      throw new S3Error('IncompleteBody', 'You did not provide the number of bytes specified by the Content-Length HTTP header')
    }

    if (mode.kind === 'sha256' && sha256) {
      checkSha256(mode.digest, sha256.digest('hex'))
    }

    if (md5Digest && md5Digest.digest() !== md5) {
      throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.', {ExpectedDigest: md5 ?? ''})
    }

    if (digest && expected) {
      checksum = {algorithm: expected.algorithm, value: digest.digest()}
      checkChecksum(checksum, expected.value ?? trailing.get(`x-amz-checksum-${expected.algorithm}`))
    }
  }

  return {data: data(), checksum: () => checksum, guarded: md5 !== null || expected !== null}
}

function announcedSize(headers: Readonly<Record<string, string>>, mode: PayloadMode): number {
  const text = mode.kind === 'chunked' ? headers['x-amz-decoded-content-length'] : headers['content-length']
  if (text === undefined || !/^\d+$/.test(text)) {
    throw new S3Error('MissingContentLength', 'You must provide the Content-Length HTTP header.')
  }

  const size = Number(text)
  if (size > MAX_SIZE) {
    throw new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', {ProposedSize: text, MaxSizeAllowed: String(MAX_SIZE)})
  }

  return size
}

function parseNames(list = ''): string[] {
  return list.split(',').map(name => name.trim().toLowerCase()).filter(name => name !== '')
}

/** @returns value null: it comes in the trailer */
function expectedChecksum(headers: Readonly<Record<string, string>>, trailer: readonly string[]): {algorithm: ChecksumAlgorithm; value: string | null} | null {
  const found = [...Object.entries(headers), ...trailer.map(name => [name, null] as const)].flatMap(([name, value]) => {
    const algorithm = checksumAlgorithm(name)
    return algorithm === null ? [] : [{algorithm, value}]
  })
  if (found.length > 1) {
    throw new S3Error('InvalidRequest', 'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.')
  }

  return found[0] ?? null
}

function checkSha256(claimed: string, computed: string): void {
  if (claimed !== computed) {
    throw new S3Error('XAmzContentSHA256Mismatch', "The provided 'x-amz-content-sha256' header does not match what was computed.", {
      ClientComputedContentSHA256: claimed, S3ComputedContentSHA256: computed,
    })
  }
}

function checkChecksum({algorithm, value}: Checksum, claimed: string | undefined): void {
  if (claimed !== value) {
    throw new S3Error('BadDigest', `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`)
  }
}
