import {
  CopyObjectCommand, DeleteObjectsCommand, GetBucketLocationCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client,
  type GetObjectCommandOutput,
} from '@aws-sdk/client-s3'
import {Upload} from '@aws-sdk/lib-storage'
import {getSignedUrl} from '@aws-sdk/s3-request-presigner'
import {createHash, hash} from 'node:crypto'
import {createReadStream} from 'node:fs'
import {stat} from 'node:fs/promises'
import type {Readable} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import {setTimeout as delay} from 'node:timers/promises'
import type {BucketConfig} from '../config-vars.ts'
import {EXIT, NixError} from '../errors.ts'
import {limiter} from '../limiter.ts'
import type {Body, Bucket, Condition, ObjectInfo, PutResult} from './bucket.ts'
import {signContent} from './content-sha256.ts'
import {putFile} from './put-file.ts'
import {fillResumed, resumedBytes, resumedStream, type Resuming} from './resumed-stream.ts'
import {explainS3Failure, readS3Failure} from './s3-error.ts'
import {uploadFile} from './upload-file.ts'

/** S3 copies no larger object in one request. */
const MAX_COPY = 5 * 1024 ** 3
/**
 * Of a file, in one request: that is faster than parts, every store honours its condition, and its ETag is its MD5. What is larger
 * goes in parts, so that a connection that breaks costs one of them.
 */
const MAX_PUT = 64 * 1024 * 1024
/** Each part lies in memory until it is stored, so that it can be sent again. */
const PART_SIZE = 8 * 1024 * 1024

export interface S3BucketOptions {
  /** tries of one request, the first included */
  attempts?: number
  /** bytes of a file that is not sent in parts */
  maxPut?: number
  connectTimeoutMs?: number
  /** without a byte moving */
  idleTimeoutMs?: number
}

export interface S3Bucket extends Bucket {
  /** The region that the store says the bucket is in; null where it says nothing. */
  region(): Promise<string | null>
  /** Ends the connections that are kept open. */
  close(): void
}

/** The user's bucket on S3 or on a store that speaks its protocol. */
export function s3Bucket(config: BucketConfig, {attempts = 5, maxPut = MAX_PUT, connectTimeoutMs = 10_000, idleTimeoutMs = 60_000}: S3BucketOptions = {}): S3Bucket {
  const name = config.bucket
  const client = new S3Client({
    region: config.region,
    credentials: {accessKeyId: config.key, secretAccessKey: config.secret},
    ...(config.endpoint === null ? {} : {endpoint: config.endpoint, forcePathStyle: true}),
    // Stores other than AWS refuse the SDK's trailing checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: attempts,
    // `requestTimeout` would cut off a slow but living transfer of a large object.
    requestHandler: {connectionTimeout: connectTimeoutMs, socketTimeout: idleTimeoutMs},
  })

  // The parts of one fill the line, and those of several would be as much memory again.
  const uploading = limiter(1)

  async function ask<Result>(action: string, key: string | null, request: () => Promise<Result>): Promise<Result> {
    try {
      return await request()
    } catch (error) {
      throw failed(error, action, key)
    }
  }

  function failed(error: unknown, action: string, key: string | null): NixError {
    return error instanceof NixError
      ? error
      : explainS3Failure(readS3Failure(error, [config.secret, config.key]), {action, bucket: name, key, region: config.region, endpoint: config.endpoint})
  }

  /** A missing key as null. */
  async function found<Result>(action: string, key: string, request: () => Promise<Result>): Promise<Result | null> {
    return ask(action, key, async () => {
      try {
        return await request()
      } catch (error) {
        const {name: code, status} = readS3Failure(error, [])
        // HEAD has no body, so a missing key has no code but its status.
        if (code === 'NoSuchKey' || status === 404 && code !== 'NoSuchBucket') {
          return null
        }

        throw error
      }
    })
  }

  async function head(key: string): Promise<ObjectInfo | null> {
    const answer = await found('s3:GetObject', key, async () => {
      try {
        return await client.send(new HeadObjectCommand({Bucket: name, Key: key}))
      } catch (error) {
        // An answer to HEAD has no body and so does not say what is wrong; that to GET does.
        const {status} = readS3Failure(error, [])
        if (status !== null && status >= 300 && status < 500 && status !== 404) {
          const {Body} = await client.send(new GetObjectCommand({Bucket: name, Key: key}));
          (Body as Readable).destroy()
        }

        throw error
      }
    })
    return answer && {key, size: answer.ContentLength ?? 0, etag: bare(answer.ETag), modifiedAt: answer.LastModified ?? new Date(0)}
  }

  const get = (key: string, options: {Range?: string; IfMatch?: string} = {}, abortSignal?: AbortSignal): Promise<GetObjectCommandOutput | null> =>
    found('s3:GetObject', key, () => client.send(new GetObjectCommand({Bucket: name, Key: key, ...options}), {...(abortSignal && {abortSignal})}))

  interface SendOptions {
    sha256: string | undefined
    onSent: ((bytes: number) => void) | undefined
    condition: object
    contentType: object
  }

  async function send(key: string, body: Body, {sha256, onSent, condition, contentType}: SendOptions): Promise<string> {
    const putBytes = async (Body: Uint8Array) => {
      const command = new PutObjectCommand({Bucket: name, Key: key, Body, ContentLength: Body.length, ...condition, ...contentType})
      // The SDK would compute it, too, and ten times as slowly where there is little to hash.
      signContent(command, sha256 ?? hash('sha256', Body, 'hex'))
      return bare((await client.send(command)).ETag)
    }

    if (body instanceof Uint8Array) return putBytes(body)
    if ('stream' in body) {
      const upload = new Upload({client, partSize: PART_SIZE, queueSize: 3, params: {Bucket: name, Key: key, Body: body.stream, ...condition, ...contentType}})
      upload.on('httpUploadProgress', ({loaded = 0}) => onSent?.(loaded))
      return bare((await upload.done()).ETag)
    }

    const {file} = body
    const {size: ContentLength} = await stat(file)
    if (ContentLength <= maxPut) {
      const input = {Bucket: name, Key: key, ContentLength, ...condition, ...contentType}
      return bare(await putFile({client, input, file, sha256: sha256 ?? await sha256Of(file), onSent}))
    }

    return bare(await uploading(() => uploadFile({client, bucket: name, key, file, size: ContentLength, partSize: PART_SIZE, contentType, condition, onSent})))
  }

  return {
    name,
    head,

    async read(key, {maxBytes}) {
      const answer = await get(key)
      if (!answer) {
        return null
      }

      if ((answer.ContentLength ?? Infinity) > maxBytes) {
        (answer.Body as Readable).destroy()
        throw tooLarge(key, answer.ContentLength, maxBytes)
      }

      const bytes = await ask('s3:GetObject', key, async () => buffer(resumedBytes(answer.Body as Readable, resuming(key, answer, 0))))
      return {bytes, etag: bare(answer.ETag), modifiedAt: answer.LastModified ?? new Date(0)}
    },

    async stream(key, {range} = {}) {
      const answer = await get(key, range ? {Range: `bytes=${range[0]}-${range[1]}`} : {})
      return answer && {
        body: resumedStream(answer.Body as Readable, resuming(key, answer, range?.[0] ?? 0)), size: answer.ContentLength ?? 0, etag: bare(answer.ETag),
      }
    },

    async fill(key, into, {from, signal}) {
      const answer = await get(key, {Range: `bytes=${from}-${from + into.length - 1}`}, signal)
      if (!answer) return null
      const size = answer.ContentLength ?? 0
      if (size > into.length) {
        (answer.Body as Readable).destroy()
        throw tooLarge(key, size, into.length)
      }

      await fillResumed(answer.Body as Readable, into, resuming(key, answer, from, signal))
      return size
    },

    async put(key, body, {condition, contentType, sha256, onSent} = {}): Promise<PutResult> {
      const options = {sha256, onSent, condition: headers(condition), contentType: contentType === undefined ? {} : {ContentType: contentType}}
      // Some stores forget the condition when an upload comes in parts, and nothing need be sent where it fails anyway.
      if (condition === 'absent' && !(body instanceof Uint8Array) && await head(key)) {
        if ('stream' in body) {
          body.stream.destroy()
        }

        return {kind: 'refused'}
      }

      try {
        const etag = await send(key, body, options)
        // Some stores return no ETag for an object that came in parts.
        return {kind: 'stored', etag: etag === '' ? (await head(key))?.etag ?? '' : etag}
      } catch (error) {
        const {name: code, status} = readS3Failure(error, [])
        // 404 with If-Match: the object has gone; 409: another conditional write was under way at the same time.
        if (condition !== undefined && (status === 412 || status === 409 || status === 404 && code !== 'NoSuchBucket')) {
          return {kind: 'refused'}
        }

        throw failed(error, 's3:PutObject', key)
      }
    },

    async touch(key) {
      const touched = await found('s3:PutObject', key, async () => {
        const {ContentLength = 0, ContentType, ETag} = await client.send(new HeadObjectCommand({Bucket: name, Key: key}))
        if (ContentLength > MAX_COPY) return false
        await client.send(new CopyObjectCommand({
          Bucket: name, Key: key, CopySource: `${name}/${key.split('/').map(encodeURIComponent).join('/')}`, CopySourceIfMatch: bare(ETag),
          // S3 copies an object onto itself only where that changes something.
          MetadataDirective: 'REPLACE', ...(ContentType === undefined ? {} : {ContentType}),
        })).catch((error: unknown) => {
          // Somebody wrote it anew meanwhile.
          if (readS3Failure(error, []).status !== 412) throw error
        })
        return true
      })
      return touched ?? false
    },

    async* list(prefix, {startAfter} = {}) {
      let token: string | undefined
      do {
        const page = await ask('s3:ListBucket', prefix, () => client.send(new ListObjectsV2Command({
          Bucket: name, Prefix: prefix, ...(startAfter === undefined ? {} : {StartAfter: startAfter}), ...(token === undefined ? {} : {ContinuationToken: token}),
        })))
        for (const {Key, Size, ETag, LastModified} of page.Contents ?? []) {
          yield {key: Key ?? '', size: Size ?? 0, etag: bare(ETag), modifiedAt: LastModified ?? new Date(0)}
        }

        token = page.IsTruncated ? page.NextContinuationToken : undefined
      } while (token !== undefined)
    },

    async delete(keys) {
      for (let start = 0; start < keys.length; start += 1000) {
        const batch = keys.slice(start, start + 1000)
        const answer = await ask('s3:DeleteObject', batch[0] ?? null, () =>
          client.send(new DeleteObjectsCommand({Bucket: name, Delete: {Quiet: true, Objects: batch.map(Key => ({Key}))}})))
        const [first] = answer.Errors ?? []
        if (first) {
          throw failed({name: first.Code, message: first.Message, $metadata: {httpStatusCode: first.Code === 'AccessDenied' ? 403 : 500}}, 's3:DeleteObject', first.Key ?? null)
        }
      }
    },

    presign: (method, key, {expiresIn}) => ask(method === 'GET' ? 's3:GetObject' : 's3:PutObject', key, () => getSignedUrl(
      client, method === 'GET' ? new GetObjectCommand({Bucket: name, Key: key}) : new PutObjectCommand({Bucket: name, Key: key}), {expiresIn},
    )),

    async region() {
      const answer = await ask('s3:GetBucketLocation', null, () => client.send(new GetBucketLocationCommand({Bucket: name})))
      // AWS: no constraint means us-east-1, and EU is how eu-west-1 was called once.
      const constraint: string | undefined = answer.LocationConstraint
      return constraint === 'EU' ? 'eu-west-1' : constraint || (config.endpoint === null ? 'us-east-1' : null)
    },

    close() {
      client.destroy()
    },
  }

  function tooLarge(key: string, size: number | undefined, most: number): NixError {
    return new NixError(`${key} in bucket ${name} has ${size ?? 'an unknown number of'} bytes; at most ${most} were expected.`, {
      code: 'OBJECT_TOO_LARGE', exit: EXIT.verification,
    })
  }

  /** How the body of `answer`, which is the object from byte `offset` on, goes on after a break: with the same object's bytes. */
  function resuming(key: string, answer: GetObjectCommandOutput, offset: number, signal?: AbortSignal): Resuming {
    const size = answer.ContentLength ?? 0
    const watched = (body: Readable) => {
      signal?.addEventListener('abort', () => body.destroy(), {once: true})
      return body
    }

    watched(answer.Body as Readable)
    return {
      size, attempts,
      async open(from) {
        const rest = await get(key, {Range: `bytes=${offset + from}-${offset + size - 1}`, ...(answer.ETag ? {IfMatch: answer.ETag} : {})}, signal)
        if (!rest) {
          throw new NixError(`${key} was deleted from bucket ${name} while it was read.`, {code: 'OBJECT_GONE', exit: EXIT.unavailable})
        }

        return watched(rest.Body as Readable)
      },
      wait: attempt => delay(100 * 2 ** attempt),
      // What was ended from outside is not to be begun again.
      explain: error => signal?.aborted ? new NixError(`${key} was not read to its end.`, {code: 'ABORTED', exit: EXIT.unavailable}) : failed(error, 's3:GetObject', key),
    }
  }
}

/** Ceph 16 takes no quoted ETag in If-Match, and AWS takes both: ours have none. */
const bare = (etag: string | undefined): string => (etag ?? '').replaceAll('"', '')

function headers(condition: Condition | undefined): {IfNoneMatch?: string; IfMatch?: string} {
  if (condition === undefined) {
    return {}
  }

  return condition === 'absent' ? {IfNoneMatch: '*'} : {IfMatch: condition.etag}
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(file) as AsyncIterable<Buffer>) hash.update(piece)
  return hash.digest('hex')
}
