import {NixError} from '../errors.ts'
import type {Platform} from '../platform/platform.ts'
import type {BuildInfo, BuildRequest} from '../platform/types.ts'

/** Starts a build at Heroku, once: where Heroku's answer was lost, a build of this very source tells that it was done. */
export async function createBuild(platform: Pick<Platform, 'builds' | 'createBuild'>, request: BuildRequest): Promise<BuildInfo> {
  try {
    return await platform.createBuild(request)
  } catch (error) {
    if (!(error instanceof NixError) || !['NO_ANSWER', 'HEROKU_UNAVAILABLE'].includes(error.code)) throw error
    const ours = placeOf(request.source_blob.url)
    const started = (await platform.builds({max: 5})).find(({sourceUrl}) => sourceUrl !== null && placeOf(sourceUrl) === ours)
    if (started === undefined) throw error
    return started
  }
}

/** Each source has a place of its own; who signed its URL, and when, says nothing. */
function placeOf(url: string): string {
  return url.replace(/[?#].*/s, '')
}
