import type {Bucket} from '../bucket/bucket.ts'
import {followBuild} from '../build/follow.ts'
import type {RecordStore} from '../build/record-store.ts'
import {isFinished, type SucceededBuild, type UnsuccessfulBuild} from '../build/record.ts'
import type {Platform} from '../platform/platform.ts'
import {dynoLookout} from './dyno-lookout.ts'
import {endRecord, type Ending} from './end-record.ts'
import {outOfMemory, type OutOfMemory} from './out-of-memory.ts'
import type {Sightings} from './sightings.ts'

export interface WatchWorld {
  bucket: Pick<Bucket, 'read'>
  records: Pick<RecordStore, 'replace' | 'require'>
  /** Asked once and without patience: the log must go on while Heroku is busy. */
  platform: Pick<Platform, 'dyno' | 'dynos' | 'logUrl'>
  /** Between two rounds. */
  wait: () => Promise<void>
  /** milliseconds, monotonic */
  elapsed: () => number
  now: () => Date
  onLog: (bytes: Buffer) => void
  /** Hears once that the dyno has gone. */
  onLost: (message: string) => void
}

/**
 * Shows a build's log from its start until the build has ended, and ends the record of one whose dyno has gone.
 * @param dyno its name; null: not known yet (another machine started it)
 */
export async function watchBuild(build: string, dyno: string | null, app: string, world: WatchWorld): Promise<SucceededBuild | UnsuccessfulBuild> {
  const {bucket, records, wait, elapsed} = world
  const events = followBuild({bucket, records, app, build, wait, now: elapsed})
  const lookout = dynoLookout(build, dyno, world)
  for (;;) {
    const next = await events.next()
    if (next.done) return next.value
    if (next.value.kind === 'log') {
      world.onLog(next.value.bytes)
      continue
    }

    const {record, unchangedMs} = next.value
    if (isFinished(record)) continue
    const sightings = await lookout.look(unchangedMs, ...(record.state === 'running' ? [record.claim.dyno] : []))
    if (sightings.gone === true) await giveUp(build, sightings, world)
  }
}

/** The record may just have been finished, by a dyno that then ended as it should: it is read again before it is written. */
async function giveUp(build: string, {name}: Sightings, {records, platform, now, onLost}: WatchWorld): Promise<void> {
  const overrun = name === null ? null : await outOfMemory(platform, name)
  const ending = overrun === null ? lost(name) : lostTo(overrun)
  const record = await endRecord(records, build, ending, now())
  if (record.state === 'lost') onLost(ending.message)
}

function lost(name: string | null): Ending {
  return {
    state: 'lost', code: 'DYNO_LOST', message: `The dyno ${name ?? ''} ended before the build did.`.replace('  ', ' '),
    suggestions: ['heroku nix:build, which goes on from what was uploaded', 'heroku nix:build --size performance-l, if it ran out of memory'],
  }
}

function lostTo({message, size}: OutOfMemory): Ending {
  return {
    state: 'lost', code: 'OUT_OF_MEMORY', message: `${message} What was built before is saved.`,
    suggestions: size === null
      ? ['heroku nix:build, which goes on from what was saved, with "--max-jobs 1" in NIX_BUILD_FLAGS: there is no larger dyno']
      : [`heroku nix:build --size ${size}, which goes on from what was saved`],
  }
}
