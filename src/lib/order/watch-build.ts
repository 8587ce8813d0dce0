import type {Bucket} from '../bucket/bucket.ts'
import {followBuild} from '../build/follow.ts'
import type {RecordStore} from '../build/record-store.ts'
import {isFinished, type BuildRecord, type SucceededBuild, type UnsuccessfulBuild} from '../build/record.ts'
import type {Platform} from '../platform/platform.ts'
import {endRecord} from './end-record.ts'
import {noteLook, type Look, type Sightings} from './sightings.ts'

export interface WatchWorld {
  bucket: Pick<Bucket, 'read'>
  records: Pick<RecordStore, 'replace' | 'require'>
  /** Asked once and without patience: the log must go on while Heroku is busy. */
  platform: Pick<Platform, 'dyno' | 'dynos'>
  /** Between two rounds. */
  wait: () => Promise<void>
  /** milliseconds, monotonic */
  elapsed: () => number
  now: () => Date
  onLog: (bytes: Buffer) => void
  /** Hears once that the dyno has gone. */
  onLost: (message: string) => void
}

/** A living dyno writes a heartbeat every 3 s; only while there is none Heroku, which counts requests, is asked. */
const QUIET_MS = 4000
/** With the quiet before, three looks fit well into the 15 s in which a loss is to be said. */
const LOOK_EVERY_MS = 2000

/**
 * Shows a build's log from its start until the build has ended, and ends the record of one whose dyno has gone.
 * @param dyno its name; null: not known yet (another machine started it)
 */
export async function watchBuild(build: string, dyno: string | null, app: string, world: WatchWorld): Promise<SucceededBuild | UnsuccessfulBuild> {
  const {bucket, records, wait, elapsed} = world
  const events = followBuild({bucket, records, app, build, wait, now: elapsed})
  let sightings: Sightings = {name: dyno, seen: false, misses: 0}
  let lookedAt = -Infinity
  for (;;) {
    const next = await events.next()
    if (next.done) return next.value
    if (next.value.kind === 'log') {
      world.onLog(next.value.bytes)
      continue
    }

    const {record, unchangedMs} = next.value
    if (isFinished(record) || unchangedMs < QUIET_MS || elapsed() - lookedAt < LOOK_EVERY_MS) continue
    sightings = noteLook(sightings, await look(build, dynoName(record, sightings), world.platform))
    lookedAt = elapsed()
    if (sightings.gone === true) await giveUp(build, sightings, world)
  }
}

function dynoName(record: BuildRecord, {name}: Sightings): string | null {
  return record.state === 'running' ? record.claim.dyno : name
}

async function look(build: string, name: string | null, platform: Pick<Platform, 'dyno' | 'dynos'>): Promise<Look> {
  try {
    const dyno = name === null ? (await platform.dynos()).find(({command}) => command.includes(build)) ?? null : await platform.dyno(name)
    return dyno === null ? {kind: 'absent'} : {kind: 'present', name: dyno.name, state: dyno.state}
  } catch {
    // Whether Heroku's API answers says nothing about the dyno.
    return {kind: 'unknown'}
  }
}

/** The record may just have been finished, by a dyno that then ended as it should: it is read again before it is written. */
async function giveUp(build: string, {name}: Sightings, {records, now, onLost}: WatchWorld): Promise<void> {
  const message = `The dyno ${name ?? ''} ended before the build did.`.replace('  ', ' ')
  const record = await endRecord(records, build, {
    state: 'lost', code: 'DYNO_LOST', message,
    suggestions: ['heroku nix:build, which goes on from what was uploaded', 'heroku nix:build --size performance-l, if it ran out of memory'],
  }, now())
  if (record.state === 'lost') onLost(message)
}
