import type {Readable} from 'node:stream'

export interface ObjectInfo {
  key: string
  /** bytes */
  size: number
  etag: string
  modifiedAt: Date
}

/** What an upload may be made of. A stream of unknown length is sent in parts. */
export type Body = {file: string} | {stream: Readable} | Uint8Array

/**
 * Conditions of a write: `absent` = written once (If-None-Match: *), `{etag}` = only over what was read
 * (If-Match). Without one, the write replaces.
 */
export type Condition = 'absent' | {etag: string}

/** `refused`: the condition did not hold (somebody was first), which is an answer, not an error. */
export type PutResult = {kind: 'stored'; etag: string} | {kind: 'refused'}

/**
 * The user's S3 bucket, as the rest of the program needs it. Errors are NixErrors that name the bucket,
 * the key and the next command; a missing key is `null`, never an error.
 */
export interface Bucket {
  readonly name: string
  head(key: string): Promise<ObjectInfo | null>
  /** The whole object in memory; throws when it is larger than `maxBytes`. */
  read(key: string, options: {maxBytes: number}): Promise<{bytes: Buffer; etag: string; modifiedAt: Date} | null>
  /** @param options.range first and last byte, inclusive */
  stream(key: string, options?: {range?: [first: number, last: number]}): Promise<{body: Readable; size: number; etag: string} | null>
  /**
   * Fills memory with an object's bytes from `from` on: what `stream` gives of that range, with less to be collected afterwards.
   * @returns how many there were, at most as many as fit; null: there is no such object
   */
  fill(key: string, into: Uint8Array, options: {from: number; signal?: AbortSignal}): Promise<number | null>
  /**
   * @param options.sha256 of the body, in hex: the store refuses another one
   * @param options.onSent called with the bytes so far, where a body is sent in several parts
   */
  put(key: string, body: Body, options?: {condition?: Condition; contentType?: string; sha256?: string; onSent?: (bytes: number) => void}): Promise<PutResult>
  /**
   * Makes an object that is written once as if written now. False where it is not there, or is too large for that (5 GiB): whoever
   * needs it writes it again.
   */
  touch(key: string): Promise<boolean>
  list(prefix: string, options?: {startAfter?: string}): AsyncIterable<ObjectInfo>
  delete(keys: readonly string[]): Promise<void>
  /** @param options.expiresIn seconds */
  presign(method: 'GET' | 'PUT', key: string, options: {expiresIn: number}): Promise<string>
}
