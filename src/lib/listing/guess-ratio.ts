const SAMPLE = 32_768
const BLOCK = 1024

/**
 * How well bytes compress, guessed by how evenly their values are distributed: ten times cheaper than to try, and good enough
 * to divide what a piece of several files was compressed to among them.
 * @returns compressed bytes for each byte; only of meaning beside another such
 */
export function guessRatio(bytes: Uint8Array): number {
  if (bytes.length === 0) return 0
  const counts = new Uint32Array(256)
  const step = bytes.length <= SAMPLE ? BLOCK : Math.floor((bytes.length - BLOCK) / (SAMPLE / BLOCK - 1))
  let total = 0
  for (let start = 0; start < bytes.length && total < SAMPLE; start += step) {
    const end = Math.min(start + BLOCK, bytes.length)
    for (let at = start; at < end; at++) counts[bytes[at] as number] = (counts[bytes[at] as number] ?? 0) + 1
    total += end - start
  }

  let bits = 0
  for (const count of counts) if (count > 0) bits -= count * Math.log2(count / total)
  // Text of 4.6 bits a byte compresses to a quarter, machine code of 6 to almost half.
  return Math.max(0.004, (bits / total / 8) ** 2.5)
}
