import type {DynoRequest} from '../build/dyno-command.ts'
import type {RecordStore} from '../build/record-store.ts'
import {EXIT, NixError} from '../errors.ts'
import type {Platform} from '../platform/platform.ts'
import type {App} from '../platform/types.ts'
import {endRecord} from './end-record.ts'
import {releaseEmptySlug, wantsSlug} from './empty-slug.ts'

export interface StartDynoWorld {
  platform: Pick<Platform, 'createDyno' | 'createRelease' | 'createSlug' | 'dynos'>
  records: Pick<RecordStore, 'replace' | 'require'>
  /** Resolves after so many milliseconds. */
  wait: (milliseconds: number) => Promise<void>
  now: () => Date
  /** Hears of what is done that the user did not ask for. */
  note: (text: string) => void
}

/** How often GET /dynos is asked for a dyno that may have been started, and how long in between. */
const LOOKS = 5
const LOOK_PAUSE_MS = 1000

/**
 * Starts the one dyno of a build. Where nobody knows whether Heroku started one, it is looked for; where none is
 * found, the record is cancelled, so that one that comes late ends at its claim. However it fails, no record is left
 * that waits for a dyno.
 * @returns the dyno's name
 */
export async function startDyno(build: string, request: DynoRequest, app: App, world: StartDynoWorld): Promise<string> {
  try {
    return (await create(request, app, world)).name
  } catch (error) {
    const mayRun = error instanceof NixError && ['NO_ANSWER', 'HEROKU_UNAVAILABLE'].includes(error.code)
    const found = mayRun ? await lookFor(build, world) : null
    if (found !== null) return found
    const record = await endRecord(world.records, build, {
      state: 'cancelled', code: error instanceof NixError ? error.code : 'DYNO_NOT_STARTED', message: 'No dyno was started.', suggestions: ['heroku nix:build'],
    }, world.now()).catch(() => null) // Why no dyno was started counts more than why the record could not say so.
    if (record !== null && record.state !== 'cancelled' && record.state !== 'pending' && record.claim !== null) return record.claim.dyno
    throw error instanceof NixError ? explain(error, request, app.name, mayRun) : error
  }
}

async function create(request: DynoRequest, app: App, world: StartDynoWorld) {
  try {
    return await world.platform.createDyno(request)
  } catch (error) {
    if (!(error instanceof NixError) || !wantsSlug(error, app)) throw error
    const version = await releaseEmptySlug(world.platform, app.stack)
    world.note(`${app.name} had no slug yet, and Heroku wants one before it starts a dyno: released an empty one as v${version}.`)
    return world.platform.createDyno(request)
  }
}

async function lookFor(build: string, {platform, wait}: StartDynoWorld): Promise<string | null> {
  for (let look = 0; look < LOOKS; look += 1) {
    await wait(LOOK_PAUSE_MS)
    const dynos = await platform.dynos().catch(() => [])
    const dyno = dynos.find(({command}) => command.includes(build))
    if (dyno !== undefined) return dyno.name
  }

  return null
}

function explain(error: NixError, {size}: DynoRequest, app: string, mayRun: boolean): NixError {
  if (mayRun) {
    return new NixError(`${error.message} No dyno of this build can be seen; should one come up late, it ends at once.`, {
      code: error.code, exit: EXIT.unavailable, suggestions: [`heroku ps --app ${app}`, 'type the same command again'], cause: error.cause,
    })
  }

  if (error.code === 'REFUSED' && size !== undefined) {
    return new NixError(error.message, {
      code: 'SIZE_REFUSED', exit: EXIT.refused, cause: error.cause,
      suggestions: [...error.suggestions.filter(text => text.startsWith('see ')), `heroku ps:type --app ${app}`, `heroku nix:build --app ${app}, which takes the app's own size`],
    })
  }

  return error
}
