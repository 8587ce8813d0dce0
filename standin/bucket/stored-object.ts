import type {Blob} from './blob-store.ts'
import type {Checksum} from './checksums.ts'
import {isRecord} from './xml.ts'

/** An object as its metadata file has it. */
export interface StoredObject {
  key: string
  /** without quotes */
  etag: string
  /** bytes */
  size: number
  /** ISO 8601 */
  modifiedAt: string
  /** In order; several for an object that was uploaded in parts. */
  blobs: Blob[]
  /** What GET gives back: content type, user metadata, … */
  headers: Record<string, string>
  checksum: Checksum | null
}

/** Trusts what this program wrote, but not that a file is its own. */
export function isStoredObject(value: unknown): value is StoredObject {
  return isRecord(value) && typeof value['key'] === 'string' && typeof value['etag'] === 'string' && Array.isArray(value['blobs'])
}
