import type {Bucket} from '../bucket/bucket.ts'
import {MAX_NARINFO} from '../closure/narinfo.ts'
import {NixError} from '../errors.ts'

export interface NarInfoObject {
  /** null: it is larger than a narinfo may be */
  text: string | null
  etag: string
  modifiedAt: Date
}

/** A narinfo as it lies in the bucket; one that is too large is no failure of the bucket. @returns null: there is none */
export async function readNarInfo(bucket: Pick<Bucket, 'head' | 'read'>, key: string, maxBytes = MAX_NARINFO): Promise<NarInfoObject | null> {
  try {
    const object = await bucket.read(key, {maxBytes})
    return object && {text: object.bytes.toString(), etag: object.etag, modifiedAt: object.modifiedAt}
  } catch (error) {
    if (!(error instanceof NixError) || error.code !== 'OBJECT_TOO_LARGE') throw error
    const head = await bucket.head(key)
    return head && {text: null, etag: head.etag, modifiedAt: head.modifiedAt}
  }
}
