import {createHash} from 'node:crypto'
import {decodeBase32, encodeBase32} from '../nix/base32.ts'

/** Counts and hashes what goes by. */
export interface ContentHash {
  update(piece: Uint8Array): void
  /** bytes so far */
  readonly size: number
  /** `sha256:` + Nix base-32; once */
  digest(): string
}

export function contentHash(): ContentHash {
  const hash = createHash('sha256')
  let size = 0
  return {
    update(piece) {
      hash.update(piece)
      size += piece.length
    },
    get size() {
      return size
    },
    digest: () => `sha256:${encodeBase32(hash.digest())}`,
  }
}

/** Hash and size of a whole stream or generator, such as `narOf`. */
export async function hashAll(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<{hash: string; size: number}> {
  const content = contentHash()
  for await (const piece of pieces) content.update(piece)
  return {hash: content.digest(), size: content.size}
}

/** `sha256:` + Nix base-32 of a sha256 written in base 32 or base 16, as Nix's tools and database write it; null for anything else. */
export function normalHash(text: string): string | null {
  const [, value] = /^sha256:([0-9a-z]+)$/.exec(text) ?? []
  if (value?.length === 64 && /^[0-9a-f]+$/.test(value)) return `sha256:${encodeBase32(Buffer.from(value, 'hex'))}`
  if (value?.length !== 52) return null
  try {
    decodeBase32(value)
    return text
  } catch {
    // A letter that base 32 lacks, or bits to spare.
    return null
  }
}
