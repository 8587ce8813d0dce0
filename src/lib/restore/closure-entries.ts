import type {SlugEntry} from '../slug/entry.ts'
import type {FoundPath} from './find-paths.ts'
import type {ObjectSource} from './ranged-object.ts'
import {restoredPath, type RestoredPath} from './restored-path.ts'

/** Paths whose bytes are under way while one is read. */
const AHEAD = 6

/**
 * Paths as they lie in the view, off the bucket, as entries for `writeLayer`: the same, in the same order, as a walk of the view
 * gives on the dyno that built them, so that the layer comes out the same. What is made of them is worth something when the last
 * was taken without an error, and not before.
 * @param scratch an existing folder for files too large for memory, one at a time
 */
export async function* closureEntries(
  bucket: ObjectSource, paths: readonly FoundPath[], {scratch}: {scratch: string},
): AsyncGenerator<SlugEntry, void> {
  // Names are ASCII: in this order they sort by bytes.
  const waiting = [...paths].sort((a, b) => a.info.storePath < b.info.storePath ? -1 : 1)
  const begun: RestoredPath[] = []
  try {
    for (;;) {
      while (begun.length < AHEAD) {
        const next = waiting.shift()
        if (!next) break
        begun.push(restoredPath(bucket, next, scratch))
      }

      const [first] = begun
      if (!first) return
      yield* first.entries
      begun.shift()
    }
  } finally {
    begun.forEach(path => path.close())
  }
}
