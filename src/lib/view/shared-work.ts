// Work that several threads do: each takes the next block until none is left.

/** Counters that they share, of 32 bits each. */
export const COUNTERS = 2
/** How many jobs were taken, in blocks. */
const TAKEN = 0
/** How many of them are done. */
export const DONE = 1
/** Jobs that are taken at a time: few enough that nobody has many left when the others are done. */
const BLOCK = 16

/** Does blocks until none is left. A block that fails counts as done, and so do all that nobody has taken then. */
export function takePart<Job>(counters: Int32Array, jobs: readonly Job[], doBlock: (block: readonly Job[], start: number) => void): void {
  for (;;) {
    const start = Atomics.add(counters, TAKEN, BLOCK)
    if (start >= jobs.length) return
    const block = jobs.slice(start, start + BLOCK)
    let isDone = false
    try {
      doBlock(block, start)
      isDone = true
    } finally {
      Atomics.add(counters, DONE, isDone ? block.length : block.length + giveUp(counters, jobs.length))
      Atomics.notify(counters, DONE)
    }
  }
}

/** Takes all that is left. Returns how much that was. */
function giveUp(counters: Int32Array, jobs: number): number {
  const taken = Atomics.exchange(counters, TAKEN, jobs)
  return Math.max(0, jobs - taken)
}
