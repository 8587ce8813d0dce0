import {createHash, randomUUID} from 'node:crypto'
import {createReadStream} from 'node:fs'
import {mkdir, open, readdir, rm} from 'node:fs/promises'
import {join} from 'node:path'
import {Readable} from 'node:stream'
import {syncDirectory} from './durable-file.ts'

/** Bytes on disk that no name leads to yet: an object or a part of one begins to exist by referring to them. */
export interface Blob {
  id: string
  /** bytes */
  size: number
}

export interface StoredBlob extends Blob {
  /** hexadecimal */
  md5: string
}

const READ_SIZE = 1024 * 1024

/** Immutable files under random names. */
export class BlobStore {
  readonly #dir: string
  readonly #readers = new Map<string, number>()
  readonly #doomed = new Set<string>()

  private constructor(dir: string) {
    this.#dir = dir
  }

  static async open(dir: string): Promise<BlobStore> {
    await mkdir(dir, {recursive: true})
    return new BlobStore(dir)
  }

  /** Writes all that comes and syncs it to disk. Leaves nothing behind when the source fails. */
  async store(source: AsyncIterable<Buffer>): Promise<StoredBlob> {
    const id = randomUUID()
    const md5 = createHash('md5')
    const handle = await open(this.#path(id), 'wx')
    let size = 0
    try {
      for await (const bytes of source) {
        md5.update(bytes)
        size += bytes.length
        await handle.writeFile(bytes)
      }

      await handle.sync()
      await handle.close()
      await syncDirectory(this.#dir)
    } catch (error) {
      await handle.close()
      await this.remove([{id}])
      throw error
    }

    return {id, size, md5: md5.digest('hex')}
  }

  /** Reads bytes `first` to `last` (inclusive) of the blobs laid end to end, even if they are removed meanwhile. */
  read(blobs: readonly Blob[], first: number, last: number): Readable {
    for (const {id} of blobs) {
      this.#readers.set(id, (this.#readers.get(id) ?? 0) + 1)
    }

    return Readable.from(this.#bytes(blobs, first, last), {objectMode: false}).once('close', () => void this.#release(blobs))
  }

  async* #bytes(blobs: readonly Blob[], first: number, last: number): AsyncGenerator<Buffer> {
    let start = 0
    for (const {id, size} of blobs) {
      const from = Math.max(first - start, 0)
      const to = Math.min(last - start, size - 1)
      start += size
      if (from <= to) {
        yield* createReadStream(this.#path(id), {start: from, end: to, highWaterMark: READ_SIZE}) as AsyncIterable<Buffer>
      }
    }
  }

  async remove(blobs: readonly Pick<Blob, 'id'>[]): Promise<void> {
    await Promise.all(blobs.map(async ({id}) => {
      if (this.#readers.has(id)) {
        this.#doomed.add(id)
      } else {
        await rm(this.#path(id), {force: true})
      }
    }))
  }

  /** Removes what a crash left behind. */
  async keepOnly(ids: ReadonlySet<string>): Promise<void> {
    const names = await readdir(this.#dir)
    await this.remove(names.filter(id => !ids.has(id)).map(id => ({id})))
  }

  async #release(blobs: readonly Blob[]): Promise<void> {
    for (const {id} of blobs) {
      const left = (this.#readers.get(id) ?? 1) - 1
      if (left > 0) {
        this.#readers.set(id, left)
      } else {
        this.#readers.delete(id)
      }
    }

    const free = blobs.filter(({id}) => this.#doomed.has(id) && !this.#readers.has(id))
    for (const {id} of free) {
      this.#doomed.delete(id)
    }

    await this.remove(free)
  }

  #path(id: string): string {
    return join(this.#dir, id)
  }
}
