import {formatBytes} from '../output/units.ts'
import type {Platform} from '../platform/platform.ts'
import {dynoLog} from './dyno-log.ts'
import {largerSize, memoryOverrun} from './memory-overrun.ts'

export interface OutOfMemory {
  /** a sentence */
  message: string
  /** a dyno that has more; null: there is none */
  size: string | null
}

/** Why a dyno has gone, where Heroku ended it for the memory that it took; null: not known. */
export async function outOfMemory(platform: Pick<Platform, 'logUrl'>, dyno: string): Promise<OutOfMemory | null> {
  const overrun = memoryOverrun(await dynoLog(platform, dyno))
  return overrun && {
    message: `Heroku ended dyno ${dyno} because it took ${formatBytes(overrun.bytes)} of memory, and its size has ${formatBytes(overrun.quota)} (R15).`,
    size: largerSize(overrun),
  }
}
