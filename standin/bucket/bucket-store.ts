import {mkdir, readdir} from 'node:fs/promises'
import {join} from 'node:path'
import {BlobStore} from './blob-store.ts'
import {syncDirectory} from './durable-file.ts'
import {ObjectStore} from './object-store.ts'
import {UploadStore} from './upload-store.ts'

/** A bucket on disk. */
export interface BucketStore {
  readonly name: string
  readonly blobs: BlobStore
  readonly objects: ObjectStore
  readonly uploads: UploadStore
}

/** All buckets below a folder. */
export class BucketStores {
  readonly #dir: string
  readonly #buckets: Map<string, BucketStore>

  private constructor(dir: string, buckets: BucketStore[]) {
    this.#dir = dir
    this.#buckets = new Map(buckets.map(bucket => [bucket.name, bucket]))
  }

  static async open(dir: string): Promise<BucketStores> {
    await mkdir(dir, {recursive: true})
    const names = await readdir(dir)
    return new BucketStores(dir, await Promise.all(names.map(name => openBucket(dir, name))))
  }

  get(name: string): BucketStore | undefined {
    return this.#buckets.get(name)
  }

  /** @returns false when there was one */
  async create(name: string): Promise<boolean> {
    if (this.#buckets.has(name)) {
      return false
    }

    const bucket = await openBucket(this.#dir, name)
    await syncDirectory(this.#dir)
    const created = !this.#buckets.has(name)
    if (created) {
      this.#buckets.set(name, bucket)
    }

    return created
  }
}

async function openBucket(dir: string, name: string): Promise<BucketStore> {
  const blobs = await BlobStore.open(join(dir, name, 'blobs'))
  const objects = await ObjectStore.open(join(dir, name, 'objects'), blobs)
  const owned = new Set([...objects.all()].flatMap(object => object.blobs.map(blob => blob.id)))
  const uploads = await UploadStore.open(join(dir, name, 'uploads'), blobs, owned)
  await blobs.keepOnly(new Set([...owned, ...uploads.blobIds()]))
  return {name, blobs, objects, uploads}
}
