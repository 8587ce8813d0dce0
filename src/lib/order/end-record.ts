import type {RecordStore} from '../build/record-store.ts'
import {isFinished, type BuildRecord, type UnsuccessfulBuild} from '../build/record.ts'
import {EXIT, NixError} from '../errors.ts'

/** A dyno writes its heartbeat every few seconds, so a write can be refused some times, not often. */
const ATTEMPTS = 5

export interface Ending {
  state: 'cancelled' | 'lost'
  code: string
  message: string
  suggestions: string[]
}

/**
 * Ends a build's record in its dyno's place, unless the dyno ended it, or, for `cancelled`, claimed it.
 * @returns the record as it is now
 * @throws NixError RECORD_CONTENDED when it changes all the time: somebody is alive
 */
export async function endRecord(records: Pick<RecordStore, 'replace' | 'require'>, id: string, ending: Ending, now: Date): Promise<BuildRecord> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const {record, etag} = await records.require(id)
    if (isFinished(record) || (ending.state === 'cancelled' && record.state !== 'pending')) return record
    const ended = await records.replace(endedRecord(record, ending, now), etag)
    if (ended !== null) return ended.record
  }

  throw new NixError(`The record of build ${id} changes all the time: its dyno is alive.`, {
    code: 'RECORD_CONTENDED', exit: EXIT.unavailable, suggestions: [`heroku nix:build --follow ${id}`],
  })
}

function endedRecord(record: BuildRecord & {state: 'pending' | 'running'}, {state, code, message, suggestions}: Ending, now: Date): UnsuccessfulBuild {
  const {version, id, app, createdAt, source, buildFlags, toolbox, dynoSize, timeToLive} = record
  return {
    version, id, app, createdAt, source, buildFlags, toolbox, dynoSize, timeToLive,
    state, finishedAt: now.toISOString(),
    claim: record.state === 'running' ? record.claim : null,
    logSegments: record.state === 'running' ? record.logSegments : 0,
    failure: {code, message, exitStatus: null, suggestions},
  }
}
