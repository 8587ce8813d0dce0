import {createHash, createHmac, timingSafeEqual} from 'node:crypto'
import {createReadStream, createWriteStream, mkdirSync} from 'node:fs'
import {rename, rm} from 'node:fs/promises'
import type {IncomingMessage} from 'node:http'
import {join} from 'node:path'
import type {Readable} from 'node:stream'
import {Transform} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import type {Source} from '../../state/apps.ts'

export type BlobMethod = 'DELETE' | 'GET' | 'PUT'

/** Why a signed request is refused: a status and S3's error code. */
export interface BlobRefusal {
  status: number
  code: string
}

/** The bytes of slugs or sources, behind URLs that are signed as S3's are: for one method, without a Content-Type, for an hour. */
export class SignedBlobs {
  readonly #dir: string
  readonly #path: string
  readonly #key: string
  readonly #source: Source

  /** @param path of the URLs, `/blobs`; `key` signs them */
  constructor({dir, path, key}: {dir: string; path: string; key: string}, source: Source) {
    mkdirSync(dir, {recursive: true})
    this.#dir = dir
    this.#path = path
    this.#key = key
    this.#source = source
  }

  file(id: string): string {
    return join(this.#dir, `${id}.tgz`)
  }

  /** Path and query of a signed URL. */
  sign(method: BlobMethod, id: string, validMs: number): string {
    const expires = Math.ceil((this.#source.now().getTime() + validMs) / 1000)
    return `${this.#path}/${id}.tgz?Expires=${expires}&Signature=${this.#signature(method, id, String(expires))}`
  }

  /** Null when the request may go on. */
  check(request: IncomingMessage, method: BlobMethod, id: string, query: URLSearchParams): BlobRefusal | null {
    if (request.headers.authorization !== undefined) return {status: 400, code: 'InvalidArgument'}
    const expires = query.get('Expires') ?? ''
    const given = Buffer.from(query.get('Signature') ?? '')
    const wanted = Buffer.from(this.#signature(method, id, expires))
    const signed = given.length === wanted.length && timingSafeEqual(given, wanted)
    // The Content-Type is part of what S3 signs, and Heroku signs an empty one.
    if (!signed || request.headers['content-type']) return {status: 403, code: 'SignatureDoesNotMatch'}
    if (!(Number(expires) * 1000 > this.#source.now().getTime())) return {status: 403, code: 'AccessDenied'}
    if (method === 'PUT' && request.headers['transfer-encoding'] !== undefined) return {status: 501, code: 'NotImplemented'}
    if (method === 'PUT' && request.headers['content-length'] === undefined) return {status: 411, code: 'MissingContentLength'}
    return null
  }

  /** Takes an upload; the blob appears when it is whole. */
  async receive(id: string, bytes: Readable): Promise<{size: number; sha256: string}> {
    const partial = `${this.file(id)}.${this.#source.secret(8)}.partial`
    const hash = createHash('sha256')
    let size = 0
    const measure = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk)
        size += chunk.length
        done(null, chunk)
      },
    })
    try {
      await pipeline(bytes, measure, createWriteStream(partial, {mode: 0o600}))
      await rename(partial, this.file(id))
    } finally {
      await rm(partial, {force: true})
    }

    return {size, sha256: hash.digest('hex')}
  }

  read(id: string) {
    return createReadStream(this.file(id))
  }

  async remove(id: string): Promise<void> {
    await rm(this.file(id), {force: true})
  }

  #signature(method: BlobMethod, id: string, expires: string): string {
    return createHmac('sha256', this.#key).update(`${method}\n\n\n${expires}\n${this.#path}/${id}.tgz`).digest('hex')
  }
}
