import {parseInteger, readText} from './call.ts'
import type {BucketCall, Reply, ServiceCall} from './call.ts'
import {listKeys} from './listing.ts'
import {S3Error} from './s3-error.ts'
import {encodeRfc3986} from './signature-verifier.ts'
import {isRecord, malformedXml, parseXml, renderXml} from './xml.ts'

const MAX_PAGE = 1000
const MAX_DELETES = 1000
/** 1 000 keys of 1 024 bytes, each byte written as `&#x..;` */
const MAX_DELETE_BODY = 8 * 1024 * 1024
const DEFAULT_REGION = 'us-east-1'

export async function createBucket(call: ServiceCall): Promise<Reply> {
  const {bucketName, headers, region, stores} = call
  if (!isBucketName(bucketName)) {
    throw new S3Error('InvalidBucketName', 'The specified bucket is not valid.', {BucketName: bucketName})
  }

  const body = Number(headers['content-length'] ?? 0) > 0 || 'transfer-encoding' in headers ? await readText(call.payload(), MAX_DELETE_BODY) : ''
  const constraint = body === '' ? undefined : parseXml(body, 'CreateBucketConfiguration')['LocationConstraint']
  if ((constraint ?? DEFAULT_REGION) !== region) {
    throw new S3Error('IllegalLocationConstraintException', `The ${typeof constraint === 'string' ? constraint : 'unspecified'} location constraint is incompatible for the region specific endpoint this request was sent to.`)
  }

  if (!await stores.create(bucketName)) {
    throw new S3Error('BucketAlreadyOwnedByYou', 'Your previous request to create the named bucket succeeded and you already own it.', {BucketName: bucketName})
  }

  return {status: 200, headers: {location: `/${bucketName}`}}
}

export function headBucket({region}: BucketCall): Reply {
  return {status: 200, headers: {'x-amz-bucket-region': region, 'content-type': 'application/xml'}}
}

export function getBucketLocation({region}: BucketCall): Reply {
  return xml('LocationConstraint', region === DEFAULT_REGION ? {} : {'#text': region})
}

export function listObjectsV2({bucket, bucketName, query}: BucketCall): Reply {
  parseInteger('list-type', query.get('list-type'), {min: 2, max: 2, missing: 2})
  const maxKeys = parseInteger('max-keys', query.get('max-keys'), {min: 0, max: 2 ** 31 - 1, missing: MAX_PAGE})
  const encoding = query.get('encoding-type')
  if (encoding !== null && encoding !== 'url') {
    throw new S3Error('InvalidArgument', 'Invalid Encoding Method specified in Request', {ArgumentName: 'encoding-type', ArgumentValue: encoding})
  }

  const encode = (text: string) => encoding === 'url' ? encodeRfc3986(text).replaceAll('%2F', '/') : text
  const prefix = query.get('prefix') ?? ''
  const delimiter = query.get('delimiter') ?? ''
  const startAfter = query.get('start-after') ?? ''
  const token = query.get('continuation-token')
  const {keys, commonPrefixes, next} = listKeys(bucket.objects.keys, {
    prefix, delimiter, after: token === null ? startAfter : decodeToken(token), maxKeys: Math.min(maxKeys, MAX_PAGE),
  })

  return xml('ListBucketResult', {
    Name: bucketName,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    StartAfter: startAfter === '' ? undefined : encode(startAfter),
    EncodingType: encoding ?? undefined,
    ContinuationToken: token ?? undefined,
    NextContinuationToken: next === null ? undefined : Buffer.from(next).toString('base64url'),
    KeyCount: keys.length + commonPrefixes.length,
    MaxKeys: maxKeys,
    IsTruncated: next !== null,
    Contents: keys.map(key => {
      const object = bucket.objects.get(key)
      return {Key: encode(key), LastModified: object?.modifiedAt, ETag: `"${object?.etag ?? ''}"`, Size: object?.size, StorageClass: 'STANDARD'}
    }),
    CommonPrefixes: commonPrefixes.map(commonPrefix => ({Prefix: encode(commonPrefix)})),
  })
}

export async function deleteObjects(call: BucketCall): Promise<Reply> {
  const payload = call.payload()
  if (!payload.guarded) {
    throw new S3Error('InvalidRequest', 'Missing required header for this request: Content-MD5 OR x-amz-checksum-*')
  }

  const {Object: entries, Quiet: quiet} = parseXml(await readText(payload, MAX_DELETE_BODY), 'Delete')
  if (!Array.isArray(entries) || entries.length > MAX_DELETES) {
    throw malformedXml()
  }

  const keys = entries.map((entry: unknown) => {
    // A version or an ETag would make it a delete of another kind.
    if (!isRecord(entry) || typeof entry['Key'] !== 'string' || entry['Key'] === '' || Object.keys(entry).some(name => name !== 'Key' && name !== '#text')) {
      throw malformedXml()
    }

    return entry['Key']
  })
  await Promise.all(keys.map(key => call.bucket.objects.delete(key)))
  return xml('DeleteResult', quiet === 'true' ? {} : {Deleted: keys.map(key => ({Key: key}))})
}

/** The rules for names of general purpose buckets; what they leave is safe as a folder's name. */
export function isBucketName(name: string): boolean {
  return /^[\da-z](?:[\d.a-z-]{1,61})[\da-z]$/.test(name) && !name.includes('..') && !/^(?:\d+\.){3}\d+$/.test(name)
}

function decodeToken(token: string): string {
  const key = Buffer.from(token, 'base64url')
  if (key.length === 0 || key.toString('base64url') !== token) {
    throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect', {ArgumentName: 'continuation-token'})
  }

  return key.toString()
}

function xml(root: string, content: Parameters<typeof renderXml>[1]): Reply {
  return {status: 200, headers: {'content-type': 'application/xml'}, body: renderXml(root, content)}
}
