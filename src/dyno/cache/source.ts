import type {Readable} from 'node:stream'
import type {NarInfo} from '../../lib/closure/narinfo.ts'

/** One place that finished paths come from: the bucket, or a binary cache upstream. */
export interface CacheSource {
  /** part of the URL under which Nix asks for it, and so of Nix's own messages */
  readonly name: string
  /** What it has of a store path, by the 32 characters of its hash: read once, and only if a trusted key signed it. */
  lookup(hash: string): Promise<NarInfo | null>
  /**
   * The bytes at `info.url`; null where there are none.
   * @param range first and last byte; a source that cannot give a part gives null
   */
  open(info: NarInfo, range?: [first: number, last: number]): Promise<{body: Readable; size: number | null} | null>
  /** Its bytes were not what was signed, or were not there: `lookup` gives null from now on. */
  refuse(hash: string, reason: string): void
  /** Its bytes have gone to Nix, whole and right. */
  served(hash: string): void
}

/** Says something about a source once, however often it is found out. */
export type Report = (text: string) => void
