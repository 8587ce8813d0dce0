import {EXIT, NixError} from '../errors.ts'
import type {Platform} from '../platform/platform.ts'
import type {DynoInfo, ProcessType} from '../platform/types.ts'

export type WebState =
  | {kind: 'up'}
  | {kind: 'crashed'; dyno: string}
  | {kind: 'starting'}
  /** The app has no web process type, or none is scaled up. */
  | {kind: 'none'}

/** Judges a release's web dynos: all up, or one crashed, or neither yet. */
export function judgeWeb(formation: readonly ProcessType[], dynos: readonly DynoInfo[], version: number): WebState {
  const wanted = formation.find(({type}) => type === 'web')?.quantity ?? 0
  if (wanted === 0) return {kind: 'none'}
  // A release that came after this one runs this slug or a newer one; either way ours has been started.
  const web = dynos.filter(({type, releaseVersion}) => type === 'web' && (releaseVersion ?? 0) >= version)
  const crashed = web.find(({state}) => state === 'crashed')
  if (crashed) return {kind: 'crashed', dyno: crashed.name}
  return web.filter(({state}) => state === 'up').length >= wanted ? {kind: 'up'} : {kind: 'starting'}
}

/** Heroku gives a web dyno 60 s to bind its port; with what comes before, this is past it. */
const LIMIT_MS = 120_000

/**
 * Waits until the web dynos run the release.
 * @returns `starting` when they still do after two minutes, as with preboot
 * @throws NixError WEB_CRASHED
 */
export async function waitForWeb(
  version: number, app: string,
  {platform, wait, elapsed}: {platform: Pick<Platform, 'dynos' | 'formation'>; wait: () => Promise<void>; elapsed: () => number},
): Promise<{state: Exclude<WebState, {kind: 'crashed'}>; formation: ProcessType[]}> {
  const start = elapsed()
  for (;;) {
    const [formation, dynos] = await Promise.all([platform.formation(), platform.dynos()])
    const state = judgeWeb(formation, dynos, version)
    if (state.kind === 'crashed') {
      throw new NixError(`v${version} was released, but its dyno ${state.dyno} crashed.`, {
        code: 'WEB_CRASHED', exit: EXIT.slug,
        suggestions: [`heroku logs --app ${app}`, `heroku rollback --app ${app}`],
      })
    }

    if (state.kind !== 'starting' || elapsed() - start > LIMIT_MS) return {state, formation}
    await wait()
  }
}
