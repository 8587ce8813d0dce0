import {randomBytes} from 'node:crypto'
import {mkdir, readdir, rm} from 'node:fs/promises'
import {join} from 'node:path'
import type {BlobStore, StoredBlob} from './blob-store.ts'
import type {Checksum, ChecksumAlgorithm} from './checksums.ts'
import {isTemporary, readJson, syncDirectory, writeJsonDurably} from './durable-file.ts'
import {KeyedLock} from './keyed-lock.ts'
import {S3Error} from './s3-error.ts'

export interface Upload {
  id: string
  key: string
  /** ISO 8601 */
  startedAt: string
  /** what the object will be given */
  headers: Record<string, string>
  /** Announced at the start; each part must then come with one, and be named with it at the end. */
  checksumAlgorithm: ChecksumAlgorithm | null
}

export interface Part {
  number: number
  blob: StoredBlob
  /** ISO 8601 */
  modifiedAt: string
  checksum: Checksum | null
}

interface OpenUpload {
  upload: Upload
  parts: Map<number, Part>
}

/** Multipart uploads that are neither completed nor aborted, each a folder of metadata files. */
export class UploadStore {
  readonly #dir: string
  readonly #blobs: BlobStore
  readonly #uploads: Map<string, OpenUpload>
  readonly #lock = new KeyedLock()

  private constructor(dir: string, blobs: BlobStore, uploads: OpenUpload[]) {
    this.#dir = dir
    this.#blobs = blobs
    this.#uploads = new Map(uploads.map(open => [open.upload.id, open]))
  }

  /** @param ownedBlobs blobs that objects refer to: an upload that has one was completed just before a crash */
  static async open(dir: string, blobs: BlobStore, ownedBlobs: ReadonlySet<string>): Promise<UploadStore> {
    await mkdir(dir, {recursive: true})
    const uploads: OpenUpload[] = []
    for (const id of await readdir(dir)) {
      const open = await readUpload(join(dir, id))
      if (!open || [...open.parts.values()].some(part => ownedBlobs.has(part.blob.id))) {
        await rm(join(dir, id), {recursive: true})
      } else {
        uploads.push(open)
      }
    }

    return new UploadStore(dir, blobs, uploads)
  }

  * blobIds(): Generator<string> {
    for (const {parts} of this.#uploads.values()) {
      for (const {blob} of parts.values()) {
        yield blob.id
      }
    }
  }

  async create(fields: Omit<Upload, 'id'>): Promise<Upload> {
    const upload = {id: randomBytes(24).toString('base64url'), ...fields}
    await mkdir(join(this.#dir, upload.id))
    await writeJsonDurably(join(this.#dir, upload.id, 'upload.json'), upload)
    await syncDirectory(this.#dir)
    this.#uploads.set(upload.id, {upload, parts: new Map()})
    return upload
  }

  list(): Upload[] {
    return [...this.#uploads.values()].map(open => open.upload)
  }

  /** Throws NoSuchUpload, also when the id belongs to another key. */
  get(id: string, key: string): Upload {
    return this.#open(id, key).upload
  }

  /** In order of their numbers. */
  parts({id, key}: Upload): Part[] {
    return [...this.#open(id, key).parts.values()].sort((a, b) => a.number - b.number)
  }

  /** Replaces a part of the same number. */
  async putPart({id, key}: Upload, part: Part): Promise<void> {
    await this.#lock.run(id, async () => {
      const {parts} = this.#open(id, key)
      await writeJsonDurably(join(this.#dir, id, `${part.number}.json`), part)
      const previous = parts.get(part.number)
      parts.set(part.number, part)
      await this.#blobs.remove(previous ? [previous.blob] : [])
    })
  }

  /**
   * Ends an upload: parts that `complete` does not return are deleted.
   * @param complete makes the object out of the parts; when it throws, the upload stays as it was
   */
  async finish({id, key}: Upload, complete: (parts: ReadonlyMap<number, Part>) => Promise<readonly Part[]>): Promise<void> {
    await this.#lock.run(id, async () => {
      const {parts} = this.#open(id, key)
      const kept = new Set(await complete(parts))
      this.#uploads.delete(id)
      await rm(join(this.#dir, id), {recursive: true})
      await this.#blobs.remove([...parts.values()].filter(part => !kept.has(part)).map(part => part.blob))
    })
  }

  #open(id: string, key: string): OpenUpload {
    const open = this.#uploads.get(id)
    if (open?.upload.key !== key) {
      throw new S3Error('NoSuchUpload', 'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.', {UploadId: id})
    }

    return open
  }
}

async function readUpload(dir: string): Promise<OpenUpload | null> {
  const upload = await readJson(join(dir, 'upload.json'))
  const names = (await readdir(dir)).filter(name => name !== 'upload.json')
  await Promise.all(names.filter(isTemporary).map(name => rm(join(dir, name))))
  const parts = await Promise.all(names.filter(name => !isTemporary(name)).map(name => readJson(join(dir, name)) as Promise<Part>))
  return upload === undefined ? null : {upload: upload as Upload, parts: new Map(parts.map(part => [part.number, part]))}
}
