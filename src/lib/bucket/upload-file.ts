import {AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CreateMultipartUploadCommand, UploadPartCommand, type S3Client} from '@aws-sdk/client-s3'
import {open, type FileHandle} from 'node:fs/promises'
import {allOf} from '../restore/parallel.ts'

/** Of one upload; as much memory as they have is held, whatever the file's size. */
const PARTS_AT_ONCE = 3

export interface FileUpload {
  client: S3Client
  bucket: string
  key: string
  file: string
  /** bytes of the file */
  size: number
  /** bytes of each part but the last one */
  partSize: number
  /** what goes with the request that begins it, and with the one that completes it */
  contentType: object
  condition: object
  /** Called with the bytes so far. */
  onSent: ((bytes: number) => void) | undefined
}

/**
 * Sends a file in parts, each read into memory that an earlier one had: the SDK's own upload makes new buffers for each, and
 * collecting those took longer than sending them. What fails leaves nothing behind.
 * @returns the object's ETag; some stores give none
 */
export async function uploadFile({client, bucket, key, file, size, partSize, contentType, condition, onSent = () => undefined}: FileUpload): Promise<string | undefined> {
  const object = {Bucket: bucket, Key: key}
  const {UploadId} = await client.send(new CreateMultipartUploadCommand({...object, ...contentType}))
  const upload = {...object, UploadId}
  const unused = Array.from({length: PARTS_AT_ONCE}, () => Buffer.allocUnsafeSlow(partSize))
  let sent = 0
  const handle = await open(file)
  try {
    const starts = Array.from({length: Math.ceil(size / partSize)}, (_, n) => n * partSize)
    const Parts = await allOf(starts, PARTS_AT_ONCE, async start => {
      // Of a part that failed nobody knows whether some of it is still being sent.
      const room = unused.pop() ?? Buffer.allocUnsafeSlow(partSize)
      const Body = room.subarray(0, size - start)
      await fill(Body, handle, start)
      const PartNumber = start / partSize + 1
      const {ETag} = await client.send(new UploadPartCommand({...upload, PartNumber, Body, ContentLength: Body.length}))
      unused.push(room)
      onSent(sent += Body.length)
      return {PartNumber, ETag}
    })
    return (await client.send(new CompleteMultipartUploadCommand({...upload, MultipartUpload: {Parts}, ...condition}))).ETag
  } catch (error) {
    await client.send(new AbortMultipartUploadCommand(upload)).catch(() => undefined)
    throw error
  } finally {
    await handle.close()
  }
}

async function fill(room: Buffer, handle: FileHandle, position: number): Promise<void> {
  for (let done = 0; done < room.length;) {
    const {bytesRead} = await handle.read(room, done, room.length - done, position + done)
    if (bytesRead === 0) throw new Error('A file became shorter while it was sent.')
    done += bytesRead
  }
}
