import {HEARTBEAT_MS} from '../../lib/build/follow.ts'
import {NixError} from '../../lib/errors.ts'
import type {ClaimedBuild} from './claimed-build.ts'

/**
 * Writes every few seconds that the dyno lives. A bucket that does not answer ends no build: the next beat tries again.
 * @param onTaken called when the build is somebody else's by now
 * @returns ends it, and waits for a beat that is under way
 */
export function startHeartbeat(build: Pick<ClaimedBuild, 'beat'>, {segments, onTaken}: {segments: () => number; onTaken: (error: NixError) => void}): () => Promise<void> {
  let beating: Promise<void> | null = null
  const timer = setInterval(() => {
    beating ??= build.beat(segments())
      .catch((error: unknown) => {
        if (error instanceof NixError && error.code === 'BUILD_TAKEN') {
          onTaken(error)
        }
      })
      .finally(() => {
        beating = null
      })
  }, HEARTBEAT_MS)
  return async () => {
    clearInterval(timer)
    await beating
  }
}
