import type {AppRecord, ReleaseRecord, SlugRecord} from './model.ts'
import {DEFAULT_SETTINGS} from './model.ts'

/** Where ids and times come from. */
export interface Source {
  now(): Date
  uuid(): string
  /** that many random bytes in hex */
  secret(bytes: number): string
}

/** Heroku's times have no fraction. */
export function timestamp(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z')
}

/** A new app with the two releases that Heroku gives each new app. */
export function createApp(name: string, {region, stack}: {region: string; stack: string}, source: Source): AppRecord {
  const at = timestamp(source.now())
  const app: AppRecord = {
    id: source.uuid(), name, createdAt: at, updatedAt: at, releasedAt: at, maintenance: false,
    region, stack, buildStack: stack, generation: 'cedar', space: null, webPort: null,
    config: {}, slugs: [], releases: [], formation: [], buildpacks: [], builds: [], settings: {...DEFAULT_SETTINGS},
  }
  for (const description of ['Initial release', 'Enable Logplex']) makeCurrent(app, addRelease(app, {description, slugId: null}, source), source)
  return app
}

/** Adds a pending release that holds the app's config vars of now. */
export function addRelease(
  app: AppRecord, {description, slugId}: {description: string; slugId: string | null}, source: Source,
): ReleaseRecord {
  const at = timestamp(source.now())
  const release: ReleaseRecord = {
    id: source.uuid(), version: (app.releases.at(-1)?.version ?? 0) + 1, createdAt: at, updatedAt: at,
    description, slugId, config: {...app.config}, status: 'pending', current: false, outputStream: null,
  }
  app.releases.push(release)
  return release
}

/** The release succeeded: it is what runs from now on, and the formation gets its process types. */
export function makeCurrent(app: AppRecord, release: ReleaseRecord, source: Source): void {
  const at = timestamp(source.now())
  const first = currentSlug(app) === null
  for (const other of app.releases) other.current = false
  Object.assign(release, {status: 'succeeded', current: true, updatedAt: at})
  app.releasedAt = at
  app.updatedAt = at

  const slug = currentSlug(app)
  if (!slug) return
  app.stack = slug.stack
  app.formation = Object.keys(slug.processTypes).map(type => app.formation.find(entry => entry.type === type) ?? {
    id: source.uuid(), type, quantity: first && type === 'web' ? 1 : 0, size: defaultSize(app), createdAt: at, updatedAt: at,
  })
}

export function currentRelease(app: AppRecord): ReleaseRecord | null {
  return app.releases.find(release => release.current) ?? null
}

/** What runs; null for an app that never had a slug. */
export function currentSlug(app: AppRecord): SlugRecord | null {
  return findSlug(app, currentRelease(app)?.slugId ?? null)
}

export function findSlug(app: AppRecord, id: string | null): SlugRecord | null {
  return app.slugs.find(slug => slug.id === id) ?? null
}

/** The slug that a release of a config change carries on: the newest that did not fail. */
export function newestSlugId(app: AppRecord): string | null {
  return app.releases.findLast(release => release.status !== 'failed')?.slugId ?? null
}

/** Size of dynos for which nobody named one. */
export function defaultSize(app: AppRecord): string {
  if (app.space) return app.space.shield ? 'Shield-S' : 'Private-S'
  if (app.generation === 'fir') return 'dyno-1c-0.5gb'
  return {eco: 'Eco', basic: 'Basic', production: 'Standard-1X'}[app.settings.tier]
}
