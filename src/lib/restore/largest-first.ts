import type {FoundPath} from './find-paths.ts'

/** Paths that are found one by one. */
export interface LargestFirst {
  /** The largest of those found and not taken yet, waiting for one where there is none. null: there are no more. Throws what finding threw. */
  next(): Promise<FoundPath | null>
  /** of the NARs of all that were found */
  readonly bytes: number
  /** Ends the finding, and waits for what of it is under way. */
  stop(): Promise<void>
}

/** None of the large ones is left for the end, when nothing else is to be done. */
export function largestFirst(paths: AsyncIterable<FoundPath> | Iterable<FoundPath>): LargestFirst {
  const found: FoundPath[] = []
  let bytes = 0
  let stopped = false
  let change = Promise.withResolvers<null>()
  let end: {failure: Error | null} | null = null

  async function find(): Promise<void> {
    for await (const path of paths) {
      if (stopped) return
      found.push(path)
      bytes += path.info.narSize
      changed()
    }
  }

  function changed(): void {
    change.resolve(null)
    change = Promise.withResolvers()
  }

  const finding = find().then(() => null, (failure: unknown) => failure as Error).then(failure => {
    end = {failure}
    changed()
  })

  return {
    get bytes() {
      return bytes
    },
    async next() {
      while (found.length === 0 && !end) await change.promise
      if (end?.failure) throw end.failure
      const largest = found.reduce((best, {info}, n) => info.narSize > (found[best]?.info.narSize ?? 0) ? n : best, 0)
      return found.splice(largest, 1)[0] ?? null
    },
    async stop() {
      stopped = true
      await finding
    },
  }
}
