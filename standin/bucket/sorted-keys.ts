/** Keys in the order in which S3 lists them: that of their UTF-8 bytes, which JavaScript's `<` does not follow above U+D7FF. */
export class SortedKeys {
  readonly #keys: string[]

  constructor(keys: Iterable<string>) {
    this.#keys = [...keys].sort(compareUtf8)
  }

  add(key: string): void {
    const index = this.#firstFrom(key)
    if (this.#keys[index] !== key) {
      this.#keys.splice(index, 0, key)
    }
  }

  delete(key: string): void {
    const index = this.#firstFrom(key)
    if (this.#keys[index] === key) {
      this.#keys.splice(index, 1)
    }
  }

  /** The keys at and after the given one. */
  * from(key: string): Generator<string> {
    for (let index = this.#firstFrom(key); index < this.#keys.length; index += 1) {
      yield this.#keys[index] ?? ''
    }
  }

  #firstFrom(key: string): number {
    let low = 0
    let high = this.#keys.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (compareUtf8(this.#keys[middle] ?? '', key) < 0) {
        low = middle + 1
      } else {
        high = middle
      }
    }

    return low
  }
}

export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index += 1) {
    const difference = utf8Rank(a.charCodeAt(index)) - utf8Rank(b.charCodeAt(index))
    if (difference !== 0) {
      return difference
    }
  }

  return a.length - b.length
}

/** Puts the halves of characters above U+FFFF after U+E000 to U+FFFF, where UTF-8 has them. */
function utf8Rank(unit: number): number {
  if (unit >= 0xE0_00) {
    return unit - 0x8_00
  }

  return unit >= 0xD8_00 ? unit + 0x20_00 : unit
}
