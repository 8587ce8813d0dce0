import {parseRange} from './byte-range.ts'
import {accessDenied} from './call.ts'
import type {ObjectCall, Reply} from './call.ts'
import {checksumHeader} from './checksums.ts'
import {checkWrite, decideRead, parseWriteCondition} from './conditions.ts'
import {headersToKeep} from './object-headers.ts'
import {S3Error} from './s3-error.ts'
import type {StoredObject} from './stored-object.ts'
import {renderXml} from './xml.ts'

export async function putObject(call: ObjectCall): Promise<Reply> {
  if (call.headers['x-amz-copy-source'] !== undefined) return touchObject(call)
  const {bucket: {blobs, objects}, key, headers, now} = call
  const condition = parseWriteCondition(headers)
  if (condition.kind === 'etag' && call.isDenied('s3:GetObject')) {
    throw accessDenied('s3:GetObject', call.bucketName, key)
  }

  const kept = headersToKeep(headers)
  const payload = call.payload()
  const write = objects.begin(key)
  try {
    // A write that has lost already need not send its body.
    checkWrite(condition, objects.get(key), write)
    const {id, size, md5} = await blobs.store(payload.data)
    const checksum = payload.checksum()
    const object: StoredObject = {key, etag: md5, size, modifiedAt: wholeSeconds(now), blobs: [{id, size}], headers: kept, checksum}
    await objects.commit(write, object, condition).catch(async (error: unknown) => {
      await blobs.remove([{id}])
      throw error
    })
    return {status: 200, headers: {etag: `"${md5}"`, ...checksumHeaders(object)}}
  } finally {
    objects.abandon(write)
  }
}

/** CopyObject of an object onto itself, which S3 permits where it changes the metadata: the object is as if written now. */
async function touchObject(call: ObjectCall): Promise<Reply> {
  const {bucket: {objects}, bucketName, key, headers, now} = call
  const source = decodeURIComponent(headers['x-amz-copy-source'] ?? '').replace(/^\//, '')
  if (source !== `${bucketName}/${key}` || headers['x-amz-metadata-directive'] !== 'REPLACE') {
    throw new S3Error('NotImplemented', 'This server copies an object onto itself alone, with other metadata.')
  }

  if (call.isDenied('s3:GetObject')) throw accessDenied('s3:GetObject', bucketName, key)
  const {etag, modifiedAt} = await objects.touch(key, {
    modifiedAt: wholeSeconds(now), headers: headersToKeep(headers), etag: headers['x-amz-copy-source-if-match']?.replaceAll('"', '') ?? null,
  })
  return {status: 200, headers: {'content-type': 'application/xml'}, body: renderXml('CopyObjectResult', {ETag: `"${etag}"`, LastModified: modifiedAt})}
}

export function getObject(call: ObjectCall): Reply {
  const {object, first, last, reply} = describe(call)
  return reply.status === 304 ? reply : {...reply, body: call.bucket.blobs.read(object.blobs, first, last)}
}

export function headObject(call: ObjectCall): Reply {
  return describe(call).reply
}

export async function deleteObject({bucket, key}: ObjectCall): Promise<Reply> {
  await bucket.objects.delete(key)
  return {status: 204}
}

/** S3 keeps times to the second. */
export function wholeSeconds(date: Date): string {
  return new Date(Math.floor(date.getTime() / 1000) * 1000).toISOString()
}

function describe(call: ObjectCall): {object: StoredObject; first: number; last: number; reply: Reply} {
  const {headers, query} = call
  const object = existing(call)
  const validators = {etag: `"${object.etag}"`, 'last-modified': new Date(object.modifiedAt).toUTCString()}
  if (decideRead(headers, {etag: object.etag, modifiedAt: new Date(object.modifiedAt)}) === 'not-modified') {
    return {object, first: 0, last: -1, reply: {status: 304, headers: validators}}
  }

  const {first, last, partial} = parseRange(headers['range'], object.size)
  const replyHeaders = {
    ...validators,
    ...object.headers,
    ...overrides(query),
    'accept-ranges': 'bytes',
    'content-length': String(last - first + 1),
    ...(partial ? {'content-range': `bytes ${first}-${last}/${object.size}`} : {}),
    ...(!partial && headers['x-amz-checksum-mode'] === 'ENABLED' ? checksumHeaders(object) : {}),
  }
  return {object, first, last, reply: {status: partial ? 206 : 200, headers: replyHeaders}}
}

function existing(call: ObjectCall): StoredObject {
  const {bucket, bucketName, key} = call
  const object = bucket.objects.get(key)
  if (object) {
    return object
  }

  // Whoever may not list may not learn that a key is free either.
  throw call.isDenied('s3:ListBucket')
    ? accessDenied('s3:ListBucket', bucketName, null)
    : new S3Error('NoSuchKey', 'The specified key does not exist.', {Key: key})
}

function checksumHeaders({checksum}: StoredObject): Record<string, string> {
  return checksum ? {[checksumHeader(checksum.algorithm)]: checksum.value, 'x-amz-checksum-type': 'FULL_OBJECT'} : {}
}

/** `response-content-type=…` and its like, which S3 allows in signed requests only; here all are. */
function overrides(query: URLSearchParams): Record<string, string> {
  return Object.fromEntries([...query].filter(([name]) => name.startsWith('response-')).map(([name, value]) => [name.slice('response-'.length), value]))
}
