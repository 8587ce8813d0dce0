import {NixError} from '../errors.ts'
import type {Platform} from '../platform/platform.ts'
import type {Release} from '../platform/types.ts'

/** Releases a slug, once: where Heroku's answer was lost, the newest release tells whether it was done. */
export async function createRelease(platform: Pick<Platform, 'createRelease' | 'releases'>, request: {slug: string; description: string}): Promise<Release> {
  const [before] = await platform.releases({max: 1})
  try {
    return await platform.createRelease(request)
  } catch (error) {
    if (!(error instanceof NixError) || !['NO_ANSWER', 'HEROKU_UNAVAILABLE'].includes(error.code)) throw error
    const [newest] = await platform.releases({max: 1})
    if (newest !== undefined && newest.slugId === request.slug && newest.version > (before?.version ?? 0)) return newest
    throw error
  }
}
