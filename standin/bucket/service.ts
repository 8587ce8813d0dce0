import {authenticate} from './authenticate.ts'
import type {BucketStores} from './bucket-store.ts'
import {accessDenied} from './call.ts'
import type {Reply, ServiceCall} from './call.ts'
import type {S3Action} from './contract.ts'
import {checkHeaders} from './object-headers.ts'
import {findOperation} from './operations.ts'
import {readPayload} from './payload.ts'
import {parseTarget} from './request-target.ts'
import {S3Error} from './s3-error.ts'
import type {SignatureVerifier} from './signature-verifier.ts'

export interface ServiceOptions {
  stores: BucketStores
  verifier: SignatureVerifier
  region: string
  clock: () => Date
  denied: () => ReadonlySet<S3Action>
}

export interface ServiceRequest {
  method: string
  /** as it stands in the request line */
  url: string
  /** lower-case names */
  headers: Readonly<Record<string, string>>
  body: AsyncIterable<Buffer>
}

const MAX_KEY_BYTES = 1024

/** Answers one request; throws an S3Error for what S3 answers with an error document. */
export async function serve(request: ServiceRequest, {stores, verifier, region, clock, denied}: ServiceOptions): Promise<Reply> {
  const {method, url, body} = request
  const {bucket: bucketName, key, path, query} = parseTarget(url, request.headers['host'] ?? '')
  const {headers, mode, chunks} = await authenticate({method, path, query, headers: request.headers}, verifier)
  if (bucketName === null) {
    throw new S3Error('NotImplemented', `This server does not implement ${method} of the service itself.`)
  }

  const operation = findOperation(method, {key, query})
  checkHeaders(headers)
  const call: ServiceCall = {
    bucketName, query, headers, now: clock(), region, stores,
    isDenied: action => denied().has(action),
    payload: () => readPayload({headers, mode, verifier: chunks, source: body}),
  }
  if (key !== null && Buffer.byteLength(key) > MAX_KEY_BYTES) {
    throw new S3Error('KeyTooLongError', 'Your key is too long', {Size: String(Buffer.byteLength(key)), MaxSizeAllowed: String(MAX_KEY_BYTES)})
  }

  const bucket = stores.get(bucketName)
  if (!bucket && operation.on !== 'service') {
    throw new S3Error('NoSuchBucket', 'The specified bucket does not exist', {BucketName: bucketName})
  }

  if (call.isDenied(operation.action)) {
    throw accessDenied(operation.action, bucketName, key)
  }

  switch (operation.on) {
    case 'service': {
      return operation.handle(call)
    }

    case 'bucket': {
      return operation.handle({...call, bucket: present(bucket)})
    }

    case 'object': {
      return operation.handle({...call, bucket: present(bucket), key: present(key)})
    }
  }
}

function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) {
    throw new TypeError('findOperation chose an operation that the request has no bucket or key for.')
  }

  return value
}
