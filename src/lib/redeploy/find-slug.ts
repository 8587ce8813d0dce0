import type {Platform} from '../platform/platform.ts'
import type {Release} from '../platform/types.ts'

/** A slug that the app still has. */
export interface FoundSlug {
  slug: string
  /** the newest release that has it */
  release: Release
}

/** How far back it pays to look: each slug costs one request. */
const RELEASES = 50
const SLUGS = 10

/** Looks for the marked slug among those of the app's recent releases, the newest first. */
export async function findSlug(platform: Pick<Platform, 'releases' | 'slug'>, marker: string): Promise<FoundSlug | null> {
  const releases = await platform.releases({max: RELEASES})
  const newest = new Map<string, Release>()
  for (const release of releases) {
    if (release.slugId !== null && !newest.has(release.slugId)) newest.set(release.slugId, release)
  }

  for (const [id, release] of [...newest].slice(0, SLUGS)) {
    const slug = await platform.slug(id)
    if (slug?.commitDescription?.endsWith(marker)) return {slug: id, release}
  }

  return null
}
