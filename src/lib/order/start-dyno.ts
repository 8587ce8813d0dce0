import type {DynoRequest} from '../build/dyno-command.ts'
import type {RecordStore} from '../build/record-store.ts'
import type {App} from '../platform/types.ts'
import {endRecord} from './end-record.ts'
import {startOneOff, type StartWorld} from './start-one-off.ts'

export interface StartDynoWorld extends StartWorld {
  records: Pick<RecordStore, 'replace' | 'require'>
  now: () => Date
}

/**
 * Starts the one dyno of a build. However it fails, no record is left that waits for a dyno.
 * @returns the dyno's name
 */
export async function startDyno(build: string, request: DynoRequest, app: App, world: StartDynoWorld): Promise<string> {
  const cancel = async (code: string) => {
    const record = await endRecord(world.records, build, {
      state: 'cancelled', code, message: 'No dyno was started.', suggestions: ['heroku nix:build'],
    }, world.now())
    return record.state !== 'cancelled' && record.state !== 'pending' && record.claim !== null ? record.claim.dyno : null
  }

  return startOneOff({id: build, what: 'build', command: 'heroku nix:build', request, cancel}, app, world)
}
