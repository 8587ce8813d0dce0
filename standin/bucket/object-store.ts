import {createHash} from 'node:crypto'
import {mkdir, readdir, rm} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import {StandinError} from '../errors.ts'
import type {BlobStore} from './blob-store.ts'
import {checkWrite} from './conditions.ts'
import type {WriteCondition} from './conditions.ts'
import {isTemporary, readJson, syncDirectory, writeJsonDurably} from './durable-file.ts'
import {KeyedLock} from './keyed-lock.ts'
import {S3Error} from './s3-error.ts'
import {SortedKeys} from './sorted-keys.ts'
import {isStoredObject} from './stored-object.ts'
import type {StoredObject} from './stored-object.ts'

/** A write that has begun: notices when its key is deleted before it ends. */
export interface PendingWrite {
  readonly key: string
  conflict: boolean
}

/**
 * The objects of a bucket: one metadata file each, under the hash of its key (so that no key is too long or too
 * odd for a file system), and an index of all of them in memory. The rename of the metadata file is the moment at
 * which an object changes.
 */
export class ObjectStore {
  readonly #dir: string
  readonly #blobs: BlobStore
  readonly #objects: Map<string, StoredObject>
  readonly #pending = new Map<string, Set<PendingWrite>>()
  readonly #lock = new KeyedLock()
  readonly keys: SortedKeys

  private constructor(dir: string, blobs: BlobStore, objects: StoredObject[]) {
    this.#dir = dir
    this.#blobs = blobs
    this.#objects = new Map(objects.map(object => [object.key, object]))
    this.keys = new SortedKeys(this.#objects.keys())
  }

  static async open(dir: string, blobs: BlobStore): Promise<ObjectStore> {
    await mkdir(dir, {recursive: true})
    const objects: StoredObject[] = []
    for (const entry of await readdir(dir, {recursive: true, withFileTypes: true})) {
      const file = join(entry.parentPath, entry.name)
      if (isTemporary(entry.name)) {
        await rm(file)
      } else if (entry.isFile()) {
        const object = await readJson(file)
        if (!isStoredObject(object)) {
          throw new StandinError(`${file} does not describe an object of this bucket.`, [`Remove ${dir} to start with an empty bucket.`])
        }

        objects.push(object)
      }
    }

    return new ObjectStore(dir, blobs, objects)
  }

  get(key: string): StoredObject | undefined {
    return this.#objects.get(key)
  }

  all(): Iterable<StoredObject> {
    return this.#objects.values()
  }

  /** To be called before a write's body is read; `commit` or `abandon` ends it. */
  begin(key: string): PendingWrite {
    const write: PendingWrite = {key, conflict: false}
    const writes = this.#pending.get(key) ?? new Set()
    this.#pending.set(key, writes.add(write))
    return write
  }

  abandon(write: PendingWrite): void {
    const writes = this.#pending.get(write.key)
    writes?.delete(write)
    if (writes?.size === 0) {
      this.#pending.delete(write.key)
    }
  }

  /** Makes the object exist if the condition holds, else throws S3's answer. Of racing writers, one wins. */
  async commit(write: PendingWrite, object: StoredObject, condition: WriteCondition): Promise<void> {
    await this.#lock.run(write.key, async () => {
      const previous = this.#objects.get(write.key)
      checkWrite(condition, previous, write)
      const file = this.#path(object.key)
      if (await mkdir(dirname(file), {recursive: true}) !== undefined) {
        await syncDirectory(this.#dir)
      }

      await writeJsonDurably(file, object)
      this.#objects.set(object.key, object)
      this.keys.add(object.key)
      await this.#blobs.remove(previous?.blobs ?? [])
    })
  }

  /** The same bytes, as if written now. @param change.etag of the version that is meant; null: whichever there is */
  async touch(key: string, {etag, ...change}: Pick<StoredObject, 'headers' | 'modifiedAt'> & {etag: string | null}): Promise<StoredObject> {
    return this.#lock.run(key, async () => {
      const previous = this.#objects.get(key)
      if (!previous) throw new S3Error('NoSuchKey', 'The specified key does not exist.', {Key: key})
      if (etag !== null && etag !== previous.etag) {
        throw new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {Condition: 'x-amz-copy-source-If-Match'})
      }

      const object = {...previous, ...change}
      await writeJsonDurably(this.#path(key), object)
      this.#objects.set(key, object)
      return object
    })
  }

  async delete(key: string): Promise<void> {
    await this.#lock.run(key, async () => {
      const object = this.#objects.get(key)
      if (!object) {
        return
      }

      const file = this.#path(key)
      await rm(file)
      await syncDirectory(dirname(file))
      this.#objects.delete(key)
      this.keys.delete(key)
      for (const write of this.#pending.get(key) ?? []) {
        write.conflict = true
      }

      await this.#blobs.remove(object.blobs)
    })
  }

  #path(key: string): string {
    const hash = createHash('sha256').update(key).digest('hex')
    return join(this.#dir, hash.slice(0, 2), `${hash}.json`)
  }
}
