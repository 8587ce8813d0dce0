import {S3Error} from './s3-error.ts'

/** How a request's body is sent and secured, by its `x-amz-content-sha256`. */
export type PayloadMode =
  | {kind: 'chunked'; signed: boolean; trailer: boolean}
  | {kind: 'sha256'; digest: string}
  | {kind: 'unsigned'}

const CHUNKED: Readonly<Record<string, PayloadMode>> = {
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD': {kind: 'chunked', signed: true, trailer: false},
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER': {kind: 'chunked', signed: true, trailer: true},
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER': {kind: 'chunked', signed: false, trailer: true},
}

/** @param payloadHash the header's value, or the query's */
export function parsePayloadMode(payloadHash: string): PayloadMode {
  if (payloadHash === 'UNSIGNED-PAYLOAD') {
    return {kind: 'unsigned'}
  }

  if (/^[\da-f]{64}$/.test(payloadHash)) {
    return {kind: 'sha256', digest: payloadHash}
  }

  const chunked = CHUNKED[payloadHash]
  if (!chunked) {
    throw new S3Error('InvalidArgument', 'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.', {
      ArgumentName: 'x-amz-content-sha256', ArgumentValue: payloadHash,
    })
  }

  return chunked
}
