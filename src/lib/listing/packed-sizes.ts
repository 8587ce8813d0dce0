import {gzipMember, MEMBER_INPUT} from '../slug/gzip-members.ts'
import {tarPadding} from '../slug/tar-header.ts'
import {guessRatio} from './guess-ratio.ts'

/** Bytes of a tar header, and what such compress to: mostly zeros, and a name that is much like the one before. */
const HEADER = 512
const HEADER_RATIO = 0.1

/** What of a piece is compressed to learn how well all of it compresses: a quarter, from all over it. */
const SAMPLES = 8
const SAMPLE = 32 << 10
/** A sample's compressor knows less of what came before: on Debian's packages and on node_modules, by so much. */
const SAMPLE_FACTOR = 0.97

interface Share {
  entry: number
  weight: number
}

/**
 * Estimates what each entry adds to a layer: cuts the tar that all entries would make into pieces, as a layer does, compresses some
 * of each, and divides the result among the entries by how the values of their bytes are distributed.
 */
export class PackedSizes {
  readonly #jobs: number
  /** each piece's, in their order: sums of numbers depend on it in the last digit, and a listing must not */
  readonly #measured: {shares: readonly Share[]; size: number}[] = []
  readonly #running = new Set<Promise<void>>()
  #piece = {bytes: Buffer.allocUnsafe(MEMBER_INPUT), filled: 0, shares: [] as Share[]}
  #entries = 0
  #failure: Error | null = null

  /** @param jobs pieces in work at once; each takes a little more than MEMBER_INPUT bytes of memory */
  constructor(jobs: number) {
    this.#jobs = jobs
  }

  /** Begins the next entry, which has no content unless some is given. */
  async begin(): Promise<void> {
    this.#entries++
    await this.#add(Buffer.alloc(HEADER), HEADER_RATIO)
  }

  /** Content of the entry that was begun last, a piece at a time. */
  async content(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; at += MEMBER_INPUT) {
      const part = bytes.subarray(at, at + MEMBER_INPUT)
      await this.#add(part, guessRatio(part))
    }
  }

  /** Ends an entry's content. @param size of all of it, bytes */
  async end(size: number): Promise<void> {
    await this.#add(Buffer.alloc(tarPadding(size)), 0)
  }

  /** @returns bytes, in the order of the entries */
  async finish(): Promise<number[]> {
    await this.#close()
    await Promise.all(this.#running)
    if (this.#failure !== null) throw this.#failure
    const packed = new Array<number>(this.#entries).fill(0)
    for (const {shares, size} of this.#measured) divide(packed, shares, size)
    return packed
  }

  async #add(bytes: Buffer, ratio: number): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + MEMBER_INPUT - this.#piece.filled)
      this.#piece.bytes.set(part, this.#piece.filled)
      this.#piece.filled += part.length
      this.#piece.shares.push({entry: this.#entries - 1, weight: part.length * ratio})
      at += part.length
      if (this.#piece.filled === MEMBER_INPUT) await this.#close()
    }
  }

  async #close(): Promise<void> {
    const {bytes, filled, shares} = this.#piece
    if (filled === 0) return
    this.#piece = {bytes: Buffer.allocUnsafe(MEMBER_INPUT), filled: 0, shares: []}
    const job = this.#measure(bytes.subarray(0, filled), this.#measured.push({shares, size: 0}) - 1)
      .catch((error: unknown) => void (this.#failure ??= error as Error))
      .finally(() => this.#running.delete(job))
    this.#running.add(job)
    if (this.#running.size >= this.#jobs) await Promise.race(this.#running)
  }

  async #measure(bytes: Buffer, index: number): Promise<void> {
    const sample = sampleOf(bytes)
    const {length} = await gzipMember(sample)
    const measured = this.#measured[index]
    if (measured) measured.size = sample === bytes ? length : length * bytes.length / sample.length * SAMPLE_FACTOR
  }
}

function divide(packed: number[], shares: readonly Share[], size: number): void {
  const weights = shares.reduce((sum, {weight}) => sum + weight, 0)
  if (weights === 0) return
  for (const {entry, weight} of shares) packed[entry] = (packed[entry] ?? 0) + size * weight / weights
}

function sampleOf(bytes: Buffer): Buffer {
  if (bytes.length <= SAMPLES * SAMPLE * 2) return bytes
  const distance = bytes.length / SAMPLES
  return Buffer.concat(Array.from({length: SAMPLES}, (_, index) => {
    const start = Math.floor(distance * index + (distance - SAMPLE) / 2)
    return bytes.subarray(start, start + SAMPLE)
  }))
}
