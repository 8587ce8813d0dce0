import {EXIT, NixError} from '../errors.ts'
import type {Platform} from '../platform/platform.ts'
import type {BuildInfo} from '../platform/types.ts'
import {openOutputStream, type FollowReleaseWorld} from './follow-release.ts'

export interface FollowBuildWorld {
  platform: Pick<Platform, 'build'>
  wait: (milliseconds: number) => Promise<void>
  onOutput: (bytes: Uint8Array) => void
  openStream?: FollowReleaseWorld['openStream']
}

/** Heroku settles a build a moment after its output ends. */
const LOOK_PAUSE_MS = 1000

/**
 * Shows a build at Heroku and waits for its end. An output that breaks off ends nothing: the build is asked for.
 * @returns the build as it then is
 * @throws NixError HEROKU_BUILD_FAILED: the app goes on with the release before
 */
export async function followBuild(build: BuildInfo, app: string, {platform, wait, onOutput, openStream = openOutputStream}: FollowBuildWorld): Promise<BuildInfo> {
  let current = build
  let shown = false
  while (current.status === 'pending') {
    const stream = shown ? null : await openStream(current.outputStreamUrl)
    if (stream !== null) {
      for await (const chunk of stream) onOutput(chunk)
      shown = true
    }

    current = await platform.build(build.id)
    if (current.status === 'pending') await wait(LOOK_PAUSE_MS)
  }

  if (current.status === 'succeeded') return current
  throw new NixError(`Heroku's build ${build.id} ${current.status === 'failed' ? 'failed' : `ended as "${current.status}"`}; ${app} goes on with the release before.`, {
    code: 'HEROKU_BUILD_FAILED', exit: EXIT.slug, suggestions: ['read its output above', `heroku nix:redeploy --app ${app} --only-nix, which runs no buildpack`],
  })
}
