/** How much of a file is looked into. Beyond it lies a bomb, or what nobody waits for. */
export interface ScanLimits {
  /** bytes of content, over all containers in a file */
  bytes: number
  /** times a file's own size that its content may be, once it is longer than `ratioFrom` bytes */
  ratio: number
  ratioFrom: number
  /** containers in one another */
  depth: number
  /** bytes of a zip inside another container: it is read backwards, so it must be in memory */
  zipInMemory: number
}

const MIB = 1024 * 1024

export const SCAN_LIMITS: ScanLimits = {bytes: 4096 * MIB, ratio: 200, ratioFrom: 64 * MIB, depth: 5, zipInMemory: 64 * MIB}

/** Why a file was not looked into, or not to its end: for messages, without a full stop. */
export class NotScannedError extends Error {}

/** Passes content on until a file has given too much of it. */
export class Budget {
  readonly #limits: ScanLimits
  readonly #fileSize: number
  #spent = 0

  constructor(limits: ScanLimits, fileSize: number) {
    this.#limits = limits
    this.#fileSize = fileSize
  }

  /** @throws NotScannedError */
  async* count(content: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of content) {
      this.#spend(piece.length)
      yield piece
    }
  }

  #spend(bytes: number): void {
    const {bytes: most, ratio, ratioFrom} = this.#limits
    this.#spent += bytes
    if (this.#spent > most) throw new NotScannedError(`it holds more than ${most} bytes`)
    if (this.#spent > ratioFrom && this.#spent > ratio * this.#fileSize) throw new NotScannedError(`it holds more than ${ratio} times its own size`)
  }
}
