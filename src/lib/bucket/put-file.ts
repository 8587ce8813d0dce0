import {PutObjectCommand, type PutObjectCommandInput, type S3Client} from '@aws-sdk/client-s3'
import {createReadStream} from 'node:fs'
import {Transform} from 'node:stream'
import {signContent} from './content-sha256.ts'

/** What is read of the file at once */
const READ_SIZE = 256 * 1024

export interface FilePut {
  client: S3Client
  /** all but the body */
  input: Omit<PutObjectCommandInput, 'Body'> & {ContentLength: number}
  file: string
  /** hex, of the file */
  sha256: string
  /** Called with the bytes so far. */
  onSent: ((bytes: number) => void) | undefined
}

/**
 * Sends a file in one request, as it is read: no part of it is held. The SDK cannot send a stream a second time, so each of its
 * tries gets one of its own, which it does not know of; what it signs is the hash that the caller knows.
 * @returns the object's ETag
 */
export async function putFile({client, input, file, sha256, onSent}: FilePut): Promise<string | undefined> {
  // An empty body would be signed and counted as such, if hash and length were not there.
  const command = new PutObjectCommand({...input, Body: Buffer.alloc(0)})
  signContent(command, sha256)
  // This step is gone through once for each try.
  command.middlewareStack.add(next => async args => {
    const request = args.request as Sent
    const body = fileBody(file, onSent)
    try {
      return await next({...args, request: Object.assign(Object.create(Object.getPrototypeOf(request) as object) as Sent, request, {body})})
    } finally {
      body.destroy()
    }
  }, {step: 'deserialize', name: 'fileBody', priority: 'low'})
  return (await client.send(command)).ETag
}

interface Sent {
  body: unknown
}

function fileBody(file: string, onSent: ((bytes: number) => void) | undefined): Transform {
  const source = createReadStream(file, {highWaterMark: READ_SIZE})
  let sent = 0
  const body = new Transform({
    transform(piece: Buffer, _, done) {
      onSent?.(sent += piece.length)
      done(null, piece)
    },
  })
  source.once('error', error => body.destroy(error))
  body.once('close', () => source.destroy())
  return source.pipe(body)
}
