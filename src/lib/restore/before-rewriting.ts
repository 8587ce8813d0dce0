import type {ByteSource, Patchable} from '../scan/byte-source.ts'
import type {Rewriting} from '../view/rewriting.ts'

const BLOCK = 4096
const LONGEST_NEEDLE = 40

/** Where a rewriting replaced something: eight bytes of memory for each place, however large the file. */
export interface Places {
  /** @param needle its index */
  add(at: number, needle: number): void
  readonly count: number
  /** Those that reach into `length` bytes from `at` on. */
  within(at: number, length: number): Iterable<{at: number; needle: number}>
}

export function places(): Places {
  const list: number[] = []
  let sorted: Float64Array | null = null
  return {
    add(at, needle) {
      list.push(at * 8 + needle)
    },
    get count() {
      return list.length
    },
    *within(at, length) {
      sorted ??= Float64Array.from(list).sort()
      for (let n = firstFrom(sorted, (at - LONGEST_NEEDLE) * 8); n < sorted.length; n++) {
        const place = sorted[n] ?? 0
        if (place >= (at + length) * 8) return
        yield {at: Math.floor(place / 8), needle: place % 8}
      }
    },
  }
}

function firstFrom(sorted: Float64Array, value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? 0) < value) low = middle + 1
    else high = middle
  }

  return low
}

/**
 * A rewritten file as two: as it is, to be mended, and as it was, although nobody kept that: what the rewriting replaced is
 * known, and what is mended later is remembered.
 */
export function beforeAndAfter(file: Patchable, rewriting: Rewriting, replaced: Places): {before: ByteSource; after: Patchable} {
  const mended = new Map<number, {at: number; old: Buffer}[]>()

  function read(at: number, length: number): Buffer {
    const bytes = Buffer.from(file.read(at, length))
    for (const place of replaced.within(at, bytes.length)) {
      const from = rewriting.needles[place.needle]?.from
      if (from) lay(from, place.at - at, bytes)
    }

    for (let block = Math.floor(at / BLOCK); block * BLOCK < at + bytes.length; block++) {
      for (const {at: place, old} of mended.get(block) ?? []) lay(old, place - at, bytes)
    }

    return bytes
  }

  return {
    before: {size: file.size, read},
    after: {
      size: file.size,
      read: (at, length) => file.read(at, length),
      write(at, bytes) {
        const old = read(at, bytes.length)
        // What gets its old bytes back needs no memory of them.
        if (!old.equals(bytes)) {
          for (let block = Math.floor(at / BLOCK); block * BLOCK < at + bytes.length; block++) {
            mended.set(block, [...mended.get(block) ?? [], {at, old}])
          }
        }

        file.write(at, bytes)
      },
    },
  }
}

/** Copies what of `bytes`, put at `at`, falls into `target`. */
function lay(bytes: Buffer, at: number, target: Buffer): void {
  const skipped = Math.max(0, -at)
  if (skipped < bytes.length) bytes.copy(target, at + skipped, skipped)
}
