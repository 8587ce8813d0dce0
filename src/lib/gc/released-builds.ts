import type {RecordStore} from '../build/record-store.ts'
import {isBuildId} from '../build/id.ts'
import type {Platform} from '../platform/platform.ts'
import type {SlugInfo} from '../platform/types.ts'
import {allOf} from '../restore/parallel.ts'

/** Releases of one app that are looked at: Heroku gives so many at once. */
const MAX_RELEASES = 1000
/** requests at once, at Heroku */
const WIDTH = 4

/**
 * The builds whose slugs the app's newest releases have, and in which release.
 * @param options.keep how many different slugs
 */
export async function releasedBuilds(
  platform: Pick<Platform, 'releases' | 'slug'>, records: Pick<RecordStore, 'pointed'>, {keep}: {keep: number},
): Promise<Map<string, string>> {
  const newest = new Map<string, number>()
  for (const {slugId, version} of await platform.releases({max: MAX_RELEASES})) {
    if (slugId !== null && !newest.has(slugId)) newest.set(slugId, version)
  }

  const found = await allOf([...newest].slice(0, keep), WIDTH, async ([slugId, version]) => {
    const slug = await platform.slug(slugId)
    const id = slug && (buildNamedBy(slug) ?? await newestOfCommit(slug, records))
    return id === null ? [] : [[id, `v${version}`] as const]
  })
  // The newest release that has it stands last.
  return new Map(found.flat().reverse())
}

/** nix:redeploy names the build, both in its own slugs and in the sources that it has built at Heroku. */
function buildNamedBy({commit, commitDescription}: SlugInfo): string | null {
  const named = [/^Nix build (\S+),/.exec(commitDescription ?? '')?.[1], /^(?:[0-9a-f]+\+)?(\S+)$/.exec(commit ?? '')?.[1]]
  return named.find(text => text !== undefined && isBuildId(text)) ?? null
}

/** A push names its commit alone. */
async function newestOfCommit({commit}: SlugInfo, records: Pick<RecordStore, 'pointed'>): Promise<string | null> {
  return commit !== null && /^[0-9a-f]{40}$/.test(commit) ? records.pointed({commit}) : null
}
