import type {Readable} from 'node:stream'
import type {BucketStore, BucketStores} from './bucket-store.ts'
import type {S3Action} from './contract.ts'
import type {Payload} from './payload.ts'
import {S3Error} from './s3-error.ts'

/** A request whose signature was verified. */
export interface ServiceCall {
  /** of the bucket that is asked for, be it there or not */
  bucketName: string
  query: URLSearchParams
  /** lower-case names */
  headers: Readonly<Record<string, string>>
  now: Date
  region: string
  stores: BucketStores
  isDenied(action: S3Action): boolean
  /** To be called once; throws when the request lacks what a body needs. */
  payload(): Payload
}

/** A request to a bucket that exists. */
export interface BucketCall extends ServiceCall {
  bucket: BucketStore
}

/** A request to a key, which need not exist. */
export interface ObjectCall extends BucketCall {
  key: string
}

export interface Reply {
  status: number
  headers?: Readonly<Record<string, string>>
  body?: Readable | string
}

/** @param action named in the message, as AWS does */
export function accessDenied(action: S3Action, bucketName: string, key: string | null): S3Error {
  const resource = `arn:aws:s3:::${bucketName}${key === null ? '' : `/${key}`}`
  return new S3Error('AccessDenied', `User: arn:aws:iam::000000000000:user/standin is not authorized to perform: ${action} on resource: "${resource}" because no identity-based policy allows the ${action} action`)
}

/** All of a short body. */
export async function readText({data}: Payload, maxBytes: number): Promise<string> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const bytes of data) {
    size += bytes.length
    if (size > maxBytes) {
      throw new S3Error('MalformedXML', `The XML you provided is larger than the ${maxBytes} bytes that this request may have`)
    }

    pieces.push(bytes)
  }

  return Buffer.concat(pieces).toString()
}

/** Text of an integer parameter within limits; InvalidArgument for anything else. */
export function parseInteger(name: string, text: string | null, {min, max, missing}: {min: number; max: number; missing: number}): number {
  if (text === null) {
    return missing
  }

  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max)) {
    throw new S3Error('InvalidArgument', `Argument ${name} must be an integer between ${min} and ${max}`, {ArgumentName: name, ArgumentValue: text})
  }

  return value
}
