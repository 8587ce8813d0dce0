import {createHash} from 'node:crypto'
import type {Bucket, Condition} from '../../../src/lib/bucket/bucket.ts'

/** The part of the bucket's contract that records and logs need, in memory; tests of the client itself use a server. */
export function memoryBucket(): Pick<Bucket, 'list' | 'name' | 'put' | 'read'> & {objects: Map<string, Buffer>} {
  const objects = new Map<string, Buffer>()
  const etagOf = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex')
  const holds = (key: string, condition: Condition | undefined) => {
    const current = objects.get(key)
    if (condition === undefined) {
      return true
    }

    return condition === 'absent' ? current === undefined : current !== undefined && etagOf(current) === condition.etag
  }

  return {
    name: 'example-bucket',
    objects,
    read(key) {
      const bytes = objects.get(key)
      return Promise.resolve(bytes ? {bytes, etag: etagOf(bytes), modifiedAt: new Date(0)} : null)
    },
    put(key, body, {condition} = {}) {
      if (!(body instanceof Uint8Array)) {
        throw new TypeError('Bytes alone.')
      }

      if (!holds(key, condition)) {
        return Promise.resolve({kind: 'refused'})
      }

      objects.set(key, Buffer.from(body))
      return Promise.resolve({kind: 'stored', etag: etagOf(body)})
    },
    async* list(prefix) {
      await Promise.resolve()
      for (const [key, bytes] of [...objects].sort(([a], [b]) => a < b ? -1 : 1)) {
        if (key.startsWith(prefix)) {
          yield {key, size: bytes.length, etag: etagOf(bytes), modifiedAt: new Date(0)}
        }
      }
    },
  }
}
