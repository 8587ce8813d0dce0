import {Sha256} from '@aws-crypto/sha256-js'
import {S3Client} from '@aws-sdk/client-s3'
import type {S3ClientConfig} from '@aws-sdk/client-s3'
import {SignatureV4} from '@smithy/signature-v4'
import {once} from 'node:events'
import {request as httpRequest} from 'node:http'
import type {ClientRequest, IncomingMessage} from 'node:http'

/** Where a bucket is and how to get in; a BucketServer is one. */
export interface BucketAccess {
  endpoint: string
  region: string
  bucket: string
  key: string
  secret: string
}

/** An SDK client that fails at the first error, so that a test sees it. */
export function s3Client({endpoint, region, key, secret}: BucketAccess, config: S3ClientConfig = {}): S3Client {
  return new S3Client({endpoint, region, forcePathStyle: true, maxAttempts: 1, credentials: {accessKeyId: key, secretAccessKey: secret}, ...config})
}

/** How a request was refused: its status and S3's code. Fails when it was not. */
export async function refusalOf(request: Promise<unknown>): Promise<{status: number | undefined; code: string}> {
  let answer: unknown
  try {
    answer = await request
  } catch (error) {
    const {name, $metadata} = error as {name: string; $metadata?: {httpStatusCode?: number}}
    if (!$metadata) {
      throw error
    }

    return {status: $metadata.httpStatusCode, code: name}
  }

  throw new Error(`Not refused: ${JSON.stringify(answer)}`)
}

export interface WireRequest {
  method: string
  /** Percent-encoded, with the bucket; no query. */
  path: string
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: Buffer | string
}

export interface WireAnswer {
  status: number
  /** of the error document; '' when there is none */
  code: string
  headers: IncomingMessage['headers']
  body: Buffer
}

/** Signs as the SDK does, for requests that the SDK would not send. */
export async function sign({endpoint, region, key, secret}: BucketAccess, request: WireRequest, date = new Date()): Promise<WireRequest> {
  const signer = new SignatureV4({credentials: {accessKeyId: key, secretAccessKey: secret}, region, service: 's3', sha256: Sha256, uriEscapePath: false})
  const {hostname, host} = new URL(endpoint)
  const signed = await signer.sign({
    method: request.method, protocol: 'http:', hostname, path: request.path, query: request.query ?? {},
    headers: {host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', ...request.headers},
  }, {signingDate: date})
  return {...request, headers: signed.headers}
}

/** Sends a request as it stands. */
export async function send(access: Pick<BucketAccess, 'endpoint'>, wire: WireRequest): Promise<WireAnswer> {
  const body = wire.body ?? ''
  const hasLength = (wire.method === 'PUT' || wire.method === 'POST') && wire.headers?.['transfer-encoding'] === undefined
  const request = openRequest(access, {...wire, headers: {...(hasLength ? {'content-length': String(Buffer.byteLength(body))} : {}), ...wire.headers}})
  request.end(body)
  return readAnswer(request)
}

/** Begins a request whose body is still to be written. */
export function openRequest({endpoint}: Pick<BucketAccess, 'endpoint'>, {method, path, query = {}, headers = {}}: WireRequest): ClientRequest {
  const {hostname, port} = new URL(endpoint)
  const search = Object.entries(query).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')
  return httpRequest({hostname, port, method, path: search === '' ? path : `${path}?${search}`, headers, agent: false})
}

export async function readAnswer(request: ClientRequest): Promise<WireAnswer> {
  const [response] = await once(request, 'response') as [IncomingMessage]
  const body = Buffer.concat(await response.toArray() as Buffer[])
  return {status: response.statusCode ?? 0, code: /<Code>(\w+)<\/Code>/.exec(body.toString())?.[1] ?? '', headers: response.headers, body}
}

/** Runs an action on each item, at most `width` at a time. */
export async function eachAtOnce<T>(items: readonly T[], width: number, action: (item: T) => Promise<unknown>): Promise<void> {
  const queue = [...items]
  await Promise.all(Array.from({length: width}, async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      await action(item)
    }
  }))
}
