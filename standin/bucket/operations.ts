import * as buckets from './bucket-operations.ts'
import type {BucketCall, ObjectCall, Reply, ServiceCall} from './call.ts'
import type {S3Action} from './contract.ts'
import * as multipart from './multipart-operations.ts'
import * as objects from './object-operations.ts'
import type {RequestTarget} from './request-target.ts'
import {S3Error} from './s3-error.ts'

type Handler<Call> = (call: Call) => Promise<Reply> | Reply

interface OperationFields {
  method: string
  /** query parameters that make a request this operation and no other */
  marks: readonly string[]
  /** query parameters that it may have besides */
  options: readonly string[]
  /** the permission it takes */
  action: S3Action
}

export type Operation = OperationFields & (
  | {on: 'bucket'; handle: Handler<BucketCall>}
  | {on: 'object'; handle: Handler<ObjectCall>}
  | {on: 'service'; handle: Handler<ServiceCall>}
)

const RESPONSE_OVERRIDES = ['cache-control', 'content-disposition', 'content-encoding', 'content-language', 'content-type', 'expires'].map(name => `response-${name}`)
const LIST_OPTIONS = ['prefix', 'delimiter', 'max-keys', 'start-after', 'continuation-token', 'encoding-type', 'fetch-owner']

const OPERATIONS: readonly Operation[] = [
  {on: 'service', method: 'PUT', marks: [], options: [], action: 's3:CreateBucket', handle: buckets.createBucket},
  {on: 'bucket', method: 'HEAD', marks: [], options: [], action: 's3:ListBucket', handle: buckets.headBucket},
  {on: 'bucket', method: 'GET', marks: ['location'], options: [], action: 's3:GetBucketLocation', handle: buckets.getBucketLocation},
  {on: 'bucket', method: 'GET', marks: ['list-type'], options: LIST_OPTIONS, action: 's3:ListBucket', handle: buckets.listObjectsV2},
  {on: 'bucket', method: 'GET', marks: ['uploads'], options: ['prefix'], action: 's3:ListBucketMultipartUploads', handle: multipart.listMultipartUploads},
  {on: 'bucket', method: 'POST', marks: ['delete'], options: [], action: 's3:DeleteObject', handle: buckets.deleteObjects},
  {on: 'object', method: 'POST', marks: ['uploads'], options: [], action: 's3:PutObject', handle: multipart.createMultipartUpload},
  {on: 'object', method: 'PUT', marks: ['partNumber', 'uploadId'], options: [], action: 's3:PutObject', handle: multipart.uploadPart},
  {on: 'object', method: 'POST', marks: ['uploadId'], options: [], action: 's3:PutObject', handle: multipart.completeMultipartUpload},
  {on: 'object', method: 'DELETE', marks: ['uploadId'], options: [], action: 's3:AbortMultipartUpload', handle: multipart.abortMultipartUpload},
  {on: 'object', method: 'GET', marks: ['uploadId'], options: ['max-parts', 'part-number-marker'], action: 's3:ListMultipartUploadParts', handle: multipart.listParts},
  {on: 'object', method: 'PUT', marks: [], options: [], action: 's3:PutObject', handle: objects.putObject},
  {on: 'object', method: 'GET', marks: [], options: RESPONSE_OVERRIDES, action: 's3:GetObject', handle: objects.getObject},
  {on: 'object', method: 'HEAD', marks: [], options: RESPONSE_OVERRIDES, action: 's3:GetObject', handle: objects.headObject},
  {on: 'object', method: 'DELETE', marks: [], options: [], action: 's3:DeleteObject', handle: objects.deleteObject},
]

/** The operation that a request asks for. One that this server does not know fails loudly. */
export function findOperation(method: string, {key, query}: Pick<RequestTarget, 'key' | 'query'>): Operation {
  // `x-id` is the SDK's note for readers of logs; the X-Amz-… ones are the signature's.
  const names = [...new Set(query.keys())].filter(name => name !== 'x-id' && !name.toLowerCase().startsWith('x-amz-'))
  const operation = OPERATIONS.find(candidate =>
    candidate.method === method
    && (candidate.on === 'object') === (key !== null)
    && candidate.marks.every(mark => names.includes(mark))
    && names.every(name => candidate.marks.includes(name) || candidate.options.includes(name)))
  if (!operation) {
    throw new S3Error('NotImplemented', `This server does not implement ${method} of ${key === null ? 'a bucket' : 'an object'}${names.length > 0 ? ` with ${names.join(', ')}` : ''}.`)
  }

  return operation
}
