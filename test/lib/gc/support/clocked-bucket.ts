import {createHash} from 'node:crypto'
import {readFileSync} from 'node:fs'
import {Readable} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import {EXIT, NixError} from '../../../../src/lib/errors.ts'
import type {Body, Bucket, Condition, ObjectInfo} from '../../../../src/lib/bucket/bucket.ts'

/** A clock that stands until it is set. */
export interface Clock {
  now: Date
}

export interface ClockedBucket extends Bucket {
  objects: Map<string, {bytes: Buffer; modifiedAt: Date}>
}

/** A whole bucket in memory, of which each object is as old as a clock says. @param before awaited before each request */
export function clockedBucket(clock: Clock, before: (request: string, key: string) => Promise<void> = () => Promise.resolve()): ClockedBucket {
  return view(new Map(), clock, before)
}

/** The same objects, as another client sees them. */
export function seenBy({objects}: ClockedBucket, clock: Clock, before: (request: string, key: string) => Promise<void>): ClockedBucket {
  return view(objects, clock, before)
}

function view(objects: ClockedBucket['objects'], clock: Clock, before: (request: string, key: string) => Promise<void>): ClockedBucket {
  const infoOf = (key: string): ObjectInfo | null => {
    const found = objects.get(key)
    return found ? {key, size: found.bytes.length, etag: etagOf(found.bytes), modifiedAt: found.modifiedAt} : null
  }

  function holds(key: string, condition: Condition | undefined): boolean {
    if (condition === undefined) return true
    return condition === 'absent' ? !objects.has(key) : infoOf(key)?.etag === condition.etag
  }

  return {
    name: 'example-bucket',
    objects,
    async head(key) {
      await before('head', key)
      return infoOf(key)
    },
    async read(key, {maxBytes}) {
      await before('read', key)
      const found = objects.get(key)
      if (found && found.bytes.length > maxBytes) throw new NixError(`${key} is too large`, {code: 'OBJECT_TOO_LARGE', exit: EXIT.verification})
      return found ? {bytes: found.bytes, etag: etagOf(found.bytes), modifiedAt: found.modifiedAt} : null
    },
    async stream(key, {range} = {}) {
      await before('stream', key)
      const found = objects.get(key)
      const bytes = range ? found?.bytes.subarray(range[0], range[1] + 1) : found?.bytes
      return bytes ? {body: Readable.from([bytes]), size: bytes.length, etag: etagOf(bytes)} : null
    },
    async fill(key, into, {from}) {
      await before('fill', key)
      const bytes = objects.get(key)?.bytes.subarray(from, from + into.length)
      if (bytes) into.set(bytes)
      return bytes?.length ?? null
    },
    async put(key, body, {condition} = {}) {
      const bytes = await bytesOf(body)
      await before('put', key)
      if (!holds(key, condition)) return {kind: 'refused'}
      objects.set(key, {bytes, modifiedAt: clock.now})
      return {kind: 'stored', etag: etagOf(bytes)}
    },
    async touch(key) {
      await before('touch', key)
      const found = objects.get(key)
      if (found) objects.set(key, {...found, modifiedAt: clock.now})
      return found !== undefined
    },
    async* list(prefix) {
      await before('list', prefix)
      for (const key of [...objects.keys()].sort()) {
        const info = key.startsWith(prefix) ? infoOf(key) : null
        if (info) yield info
      }
    },
    async delete(removed) {
      await before('delete', removed[0] ?? '')
      for (const key of removed) objects.delete(key)
    },
    presign: () => Promise.reject(new Error('not asked for')),
  }
}

const etagOf = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex')

async function bytesOf(body: Body): Promise<Buffer> {
  if (body instanceof Uint8Array) return Buffer.from(body)
  return 'file' in body ? readFileSync(body.file) : buffer(body.stream)
}
