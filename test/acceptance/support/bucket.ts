import {GetObjectCommand, paginateListObjectsV2} from '@aws-sdk/client-s3'
import {s3Client, type BucketAccess} from '../../support/s3.ts'

/** Every object below a prefix, by key. */
export async function readObjects(access: BucketAccess, prefix: string): Promise<Map<string, Buffer>> {
  const client = s3Client(access)
  const found = new Map<string, Buffer>()
  try {
    for await (const {Contents = []} of paginateListObjectsV2({client}, {Bucket: access.bucket, Prefix: prefix})) {
      for (const {Key = ''} of Contents) {
        const {Body} = await client.send(new GetObjectCommand({Bucket: access.bucket, Key}))
        found.set(Key, Buffer.from(await Body?.transformToByteArray() ?? []))
      }
    }
  } finally {
    client.destroy()
  }

  return found
}
