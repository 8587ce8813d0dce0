import type {DynoRequest} from '../build/dyno-command.ts'
import {EXIT, NixError} from '../errors.ts'
import type {Platform} from '../platform/platform.ts'
import type {App, DynoInfo} from '../platform/types.ts'
import {releaseEmptySlug, wantsSlug} from './empty-slug.ts'

/** What a one-off dyno is started for. */
export interface DynoOrder {
  /** stands in the dyno's command, by which the dyno is found when Heroku's answer was lost */
  id: string
  /** continues "No dyno of this …" */
  what: string
  /** ours that starts it, such as `heroku nix:build` */
  command: string
  request: DynoRequest
  /**
   * Calls the order off, so that a dyno that comes late ends at once.
   * @param code why
   * @returns the name of a dyno that has taken the order up before; null where none has
   */
  cancel: (code: string) => Promise<string | null>
}

export interface StartWorld {
  platform: Pick<Platform, 'createDyno' | 'createRelease' | 'createSlug' | 'dynos'>
  /** Resolves after so many milliseconds. */
  wait: (milliseconds: number) => Promise<void>
  /** Hears of what is done that the user did not ask for. */
  note: (text: string) => void
}

/** How often GET /dynos is asked for a dyno that may have been started, and how long in between. */
const LOOKS = 5
const LOOK_PAUSE_MS = 1000

/**
 * Starts the one dyno of an order. Where nobody knows whether Heroku started one, it is looked for; where none is
 * found, or Heroku refused, the order is called off.
 * @returns the dyno's name
 */
export async function startOneOff(order: DynoOrder, app: App, world: StartWorld): Promise<string> {
  try {
    return (await create(order, app, world)).name
  } catch (error) {
    const mayRun = error instanceof NixError && ['NO_ANSWER', 'HEROKU_UNAVAILABLE'].includes(error.code)
    const found = mayRun ? await lookFor(order.id, world) : null
    if (found !== null) return found
    // Why no dyno was started counts more than why the order could not be called off.
    const taker = await order.cancel(error instanceof NixError ? error.code : 'DYNO_NOT_STARTED').catch(() => null)
    if (taker !== null) return taker
    throw error instanceof NixError ? explain(error, order, app.name, mayRun) : error
  }
}

async function create({request}: DynoOrder, app: App, {platform, note}: StartWorld): Promise<DynoInfo> {
  try {
    return await platform.createDyno(request)
  } catch (error) {
    if (!(error instanceof NixError) || !wantsSlug(error, app)) throw error
    const version = await releaseEmptySlug(platform, app.stack)
    note(`${app.name} had no slug yet, and Heroku wants one before it starts a dyno: released an empty one as v${version}.`)
    return platform.createDyno(request)
  }
}

async function lookFor(id: string, {platform, wait}: StartWorld): Promise<string | null> {
  for (let look = 0; look < LOOKS; look += 1) {
    await wait(LOOK_PAUSE_MS)
    const dynos = await platform.dynos().catch(() => [])
    const dyno = dynos.find(({command}) => command.includes(id))
    if (dyno !== undefined) return dyno.name
  }

  return null
}

function explain(error: NixError, {what, command, request: {size}}: DynoOrder, app: string, mayRun: boolean): NixError {
  if (mayRun) {
    return new NixError(`${error.message} No dyno of this ${what} can be seen; should one come up late, it ends at once.`, {
      code: error.code, exit: EXIT.unavailable, suggestions: [`heroku ps --app ${app}`, 'type the same command again'], cause: error.cause,
    })
  }

  if (error.code === 'REFUSED' && size !== undefined) {
    return new NixError(error.message, {
      code: 'SIZE_REFUSED', exit: EXIT.refused, cause: error.cause,
      suggestions: [...error.suggestions.filter(text => text.startsWith('see ')), `heroku ps:type --app ${app}`, `${command} --app ${app}, which takes the app's own size`],
    })
  }

  return error
}
