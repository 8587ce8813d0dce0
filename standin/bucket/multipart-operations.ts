import {createHash} from 'node:crypto'
import {parseInteger, readText} from './call.ts'
import type {BucketCall, ObjectCall, Reply} from './call.ts'
import {checksumAlgorithm} from './checksums.ts'
import {checkPartList, parsePartList} from './complete-request.ts'
import {parseWriteCondition} from './conditions.ts'
import {headersToKeep} from './object-headers.ts'
import {wholeSeconds} from './object-operations.ts'
import {S3Error} from './s3-error.ts'
import type {Part} from './upload-store.ts'
import {renderXml} from './xml.ts'

/** 10 000 parts with ETag and checksum */
const MAX_COMPLETE_BODY = 4 * 1024 * 1024
const MAX_PARTS = 10_000
const MAX_PAGE = 1000

export async function createMultipartUpload({bucket, bucketName, key, headers, now}: ObjectCall): Promise<Reply> {
  const algorithm = headers['x-amz-checksum-algorithm']?.toLowerCase()
  if (headers['x-amz-checksum-type'] === 'FULL_OBJECT') {
    throw new S3Error('NotImplemented', 'This server computes checksums of parts, not of whole objects that come in parts.')
  }

  const upload = await bucket.uploads.create({
    key, startedAt: wholeSeconds(now), headers: headersToKeep(headers),
    checksumAlgorithm: algorithm === undefined ? null : checksumAlgorithm(`x-amz-checksum-${algorithm}`),
  })
  return xml('InitiateMultipartUploadResult', {Bucket: bucketName, Key: key, UploadId: upload.id}, algorithm === undefined ? {} : {
    'x-amz-checksum-algorithm': algorithm.toUpperCase(), 'x-amz-checksum-type': 'COMPOSITE',
  })
}

export async function uploadPart(call: ObjectCall): Promise<Reply> {
  const {bucket: {blobs, uploads}, key, query, now} = call
  const number = parseInteger('partNumber', query.get('partNumber'), {min: 1, max: MAX_PARTS, missing: 0})
  const upload = uploads.get(query.get('uploadId') ?? '', key)
  const payload = call.payload()
  const blob = await blobs.store(payload.data)
  try {
    const checksum = payload.checksum()
    if (upload.checksumAlgorithm !== null && checksum?.algorithm !== upload.checksumAlgorithm) {
      throw new S3Error('InvalidRequest', `Checksum Type mismatch occurred, expected checksum Type: ${upload.checksumAlgorithm}, actual checksum Type: ${checksum?.algorithm ?? 'null'}`)
    }

    await uploads.putPart(upload, {number, blob, modifiedAt: wholeSeconds(now), checksum})
    return {status: 200, headers: {etag: `"${blob.md5}"`, ...(checksum ? {[`x-amz-checksum-${checksum.algorithm}`]: checksum.value} : {})}}
  } catch (error) {
    await blobs.remove([blob])
    throw error
  }
}

export async function completeMultipartUpload(call: ObjectCall): Promise<Reply> {
  const {bucket: {objects, uploads}, bucketName, key, headers, query, now} = call
  const condition = parseWriteCondition(headers)
  const upload = uploads.get(query.get('uploadId') ?? '', key)
  const write = objects.begin(key)
  try {
    const named = parsePartList(await readText(call.payload(), MAX_COMPLETE_BODY))
    let etag = ''
    await uploads.finish(upload, async stored => {
      const parts = checkPartList(named, stored, upload.checksumAlgorithm)
      etag = etagOfParts(parts)
      await objects.commit(write, {
        key, etag, size: parts.reduce((sum, part) => sum + part.blob.size, 0), modifiedAt: wholeSeconds(now),
        blobs: parts.map(({blob: {id, size}}) => ({id, size})), headers: upload.headers, checksum: null,
      }, condition)
      return parts
    })
    return xml('CompleteMultipartUploadResult', {Location: `/${bucketName}/${key}`, Bucket: bucketName, Key: key, ETag: `"${etag}"`})
  } finally {
    objects.abandon(write)
  }
}

export async function abortMultipartUpload({bucket, key, query}: ObjectCall): Promise<Reply> {
  await bucket.uploads.finish(bucket.uploads.get(query.get('uploadId') ?? '', key), () => Promise.resolve([]))
  return {status: 204}
}

export function listParts({bucket, bucketName, key, query}: ObjectCall): Reply {
  const upload = bucket.uploads.get(query.get('uploadId') ?? '', key)
  const maxParts = parseInteger('max-parts', query.get('max-parts'), {min: 0, max: Number.MAX_SAFE_INTEGER, missing: MAX_PAGE})
  const marker = parseInteger('part-number-marker', query.get('part-number-marker'), {min: 0, max: Number.MAX_SAFE_INTEGER, missing: 0})
  const rest = bucket.uploads.parts(upload).filter(part => part.number > marker)
  const page = rest.slice(0, Math.min(maxParts, MAX_PAGE))
  const truncated = page.length < rest.length && page.length > 0
  return xml('ListPartsResult', {
    Bucket: bucketName, Key: key, UploadId: upload.id, PartNumberMarker: marker,
    NextPartNumberMarker: truncated ? page.at(-1)?.number : undefined, MaxParts: maxParts, IsTruncated: truncated,
    Part: page.map(({number, blob, modifiedAt}) => ({PartNumber: number, LastModified: modifiedAt, ETag: `"${blob.md5}"`, Size: blob.size})),
  })
}

export function listMultipartUploads({bucket, bucketName, query}: BucketCall): Reply {
  const prefix = query.get('prefix') ?? ''
  const uploads = bucket.uploads.list().filter(upload => upload.key.startsWith(prefix))
  if (uploads.length > MAX_PAGE) {
    throw new S3Error('NotImplemented', `This server lists at most ${MAX_PAGE} open uploads; there are ${uploads.length}.`)
  }

  return xml('ListMultipartUploadsResult', {
    Bucket: bucketName, Prefix: prefix, MaxUploads: MAX_PAGE, IsTruncated: false,
    Upload: uploads.map(({id, key, startedAt}) => ({Key: key, UploadId: id, StorageClass: 'STANDARD', Initiated: startedAt})),
  })
}

/** S3's way: the MD5 of the parts' MD5s, and their number. */
function etagOfParts(parts: readonly Part[]): string {
  const digests = parts.map(part => Buffer.from(part.blob.md5, 'hex'))
  return `${createHash('md5').update(Buffer.concat(digests)).digest('hex')}-${parts.length}`
}

function xml(root: string, content: Parameters<typeof renderXml>[1], headers: Readonly<Record<string, string>> = {}): Reply {
  return {status: 200, headers: {'content-type': 'application/xml', ...headers}, body: renderXml(root, content)}
}
