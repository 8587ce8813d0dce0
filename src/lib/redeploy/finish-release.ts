import type {ProcessType, Release} from '../platform/types.ts'
import {followRelease, openOutputStream} from './follow-release.ts'
import type {RedeployWorld} from './redeploy-world.ts'
import {waitForWeb} from './wait-for-web.ts'

const LOOK_PAUSE_MS = 1500

/** Follows the release phase, waits for the web dynos, and says what runs where. @returns the app's process types */
export async function finishRelease(release: Release, {app, platform, tell, wait, elapsed}: RedeployWorld): Promise<ProcessType[]> {
  const pause = () => wait(LOOK_PAUSE_MS)
  await followRelease(release, app.name, {platform, wait: pause, openStream: openOutputStream, onOutput: tell.output})
  const {state, formation} = await tell.step('Waiting for the web dynos',
    () => waitForWeb(release.version, app.name, {platform, wait: pause, elapsed}),
    ({state: {kind}}) => ({up: 'up', starting: 'still starting', none: 'none is wanted'})[kind])
  for (const {type, quantity, size, command} of formation) tell.say(`  ${type}: ${quantity} × ${size}, ${command}`)
  if (state.kind === 'none') tell.say(`No web dyno runs. To start one: heroku ps:scale web=1 --app ${app.name}`)
  else if (app.webUrl !== null) tell.say(`${app.name} runs v${release.version} at ${app.webUrl}`)
  return formation
}
