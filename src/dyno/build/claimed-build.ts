import type {RecordStore, Versioned} from '../../lib/build/record-store.ts'
import type {BuildRecord, Outcome, RunningBuild, SucceededBuild, UnsuccessfulBuild} from '../../lib/build/record.ts'
import {signRecord} from '../../lib/build/signed-text.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import type {SecretKey} from '../../lib/signing/nix-key.ts'

/** The record of the build that this dyno has claimed. Its writes follow one another, never each other's way. */
export interface ClaimedBuild {
  readonly record: RunningBuild
  /** Says in the record that the dyno is alive. @throws NixError BUILD_TAKEN where somebody else ended the build */
  beat(logSegments: number): Promise<void>
  succeed(outcome: Outcome, logSegments: number, key: SecretKey): Promise<SucceededBuild>
  fail(state: 'failed' | 'interrupted', failure: UnsuccessfulBuild['failure'], logSegments: number): Promise<void>
}

export function claimedBuild(records: Pick<RecordStore, 'replace'>, claimed: Versioned<RunningBuild>, now: () => Date): ClaimedBuild {
  const {record} = claimed
  let {etag} = claimed
  let last: Promise<unknown> = Promise.resolve()

  function write<Kind extends BuildRecord>(next: Kind): Promise<Kind> {
    const written = last.then(async () => {
      const stored = await records.replace(next, etag)
      if (!stored) {
        throw new NixError(`The record of build ${record.id} was changed by somebody else: this build was cancelled, or given up as lost.`, {
          code: 'BUILD_TAKEN', exit: EXIT.buildLost, suggestions: ['heroku nix:build'],
        })
      }

      etag = stored.etag
      return stored.record
    })
    last = written.catch(() => undefined)
    return written
  }

  const {version, id, app, createdAt, source, buildFlags, toolbox, dynoSize, timeToLive, claim} = record
  const base = {version, id, app, createdAt, source, buildFlags, toolbox, dynoSize, timeToLive, claim}
  return {
    record,

    async beat(logSegments) {
      await write({...record, heartbeatAt: now().toISOString(), logSegments})
    },

    succeed: (outcome, logSegments, key) =>
      write(signRecord({...base, state: 'succeeded', finishedAt: now().toISOString(), logSegments, outcome}, key)),

    async fail(state, failure, logSegments) {
      await write({...base, state, finishedAt: now().toISOString(), logSegments, failure})
    },
  }
}
