/** What the stand-in remembers between two runs. Plain data: it is written as JSON and read back as it was. */
export interface State {
  format: 1
  account: AccountRecord
  apps: AppRecord[]
}

export interface AccountRecord {
  id: string
  email: string
  createdAt: string
}

export interface AppRecord {
  id: string
  name: string
  createdAt: string
  updatedAt: string
  releasedAt: string | null
  maintenance: boolean
  region: string
  /** stack of the current release */
  stack: string
  /** stack of the next build */
  buildStack: string
  generation: 'cedar' | 'fir'
  space: {id: string; name: string; shield: boolean} | null
  /** port of the app's own router on loopback, kept across restarts; null until it has listened once */
  webPort: number | null
  config: Record<string, string>
  slugs: SlugRecord[]
  /** in order of their versions */
  releases: ReleaseRecord[]
  formation: FormationRecord[]
  /** URLs in their order */
  buildpacks: string[]
  /** oldest first */
  builds: BuildRecord[]
  settings: AppSettings
}

/** What makes an app behave as apps on Heroku do that tests cannot buy; set by PATCH /standin/apps/NAME. */
export interface AppSettings {
  tier: 'basic' | 'eco' | 'production'
  /** whether the account may use performance dynos, which need a payment history */
  performanceAllowed: boolean
  /** what the token's owner may do with the app */
  permission: 'owner' | 'view'
  delinquent: boolean
  /** what POST /dynos does on an app that never had a slug */
  dynosWithoutSlug: 'refuse' | 'start'
  /** replaces Heroku's limit of one-off dynos that run at once */
  oneOffLimit: number | null
  bootTimeoutMs: number
  graceMs: number
  /** when dynos are restarted, and one-off dynos ended */
  cycleMs: number
  /** bytes; replaces the memory of the dyno's size */
  memoryQuota: number | null
  /** H12 */
  requestTimeoutMs: number
  /** H20: how long the router holds a request while web dynos start */
  bootQueueMs: number
  /** R13: how long an attached dyno waits for its client */
  attachTimeoutMs: number
  /** second crash in a row; doubles up to sixteen times this */
  coolOffMs: number
  slugUrlMs: number
  /** how long a build may take */
  buildTimeoutMs: number
  /** bytes of a compressed slug that a build may make */
  buildSlugLimit: number
}

export interface BuildRecord {
  id: string
  createdAt: string
  updatedAt: string
  status: 'failed' | 'pending' | 'succeeded'
  stack: string
  /** URLs in their order */
  buildpacks: string[]
  sourceUrl: string
  /** what SOURCE_VERSION says */
  version: string | null
  versionDescription: string | null
  /** of the source, `SHA256:` and hex */
  checksum: string | null
  /** secret part of output_stream_url */
  outputStream: string
  slugId: string | null
  releaseId: string | null
}

export interface SlugRecord {
  id: string
  createdAt: string
  updatedAt: string
  processTypes: Record<string, string>
  stack: string
  commit: string | null
  commitDescription: string | null
  checksum: string | null
  buildpackDescription: string | null
  /** bytes as uploaded, null before */
  size: number | null
  /** sha256 of the upload in hex */
  sha256: string | null
}

export interface ReleaseRecord {
  id: string
  version: number
  createdAt: string
  updatedAt: string
  description: string
  slugId: string | null
  /** the app's config vars at that release, for rollback and GET /releases/N/config-vars */
  config: Record<string, string>
  status: 'failed' | 'pending' | 'succeeded'
  current: boolean
  /** secret part of output_stream_url; null without a release phase */
  outputStream: string | null
}

export interface FormationRecord {
  id: string
  type: string
  quantity: number
  size: string
  createdAt: string
  updatedAt: string
}

export const DEFAULT_SETTINGS: AppSettings = {
  tier: 'production',
  performanceAllowed: true,
  permission: 'owner',
  delinquent: false,
  dynosWithoutSlug: 'start',
  oneOffLimit: null,
  bootTimeoutMs: 60_000,
  graceMs: 30_000,
  cycleMs: 86_400_000,
  memoryQuota: null,
  requestTimeoutMs: 30_000,
  bootQueueMs: 75_000,
  attachTimeoutMs: 60_000,
  coolOffMs: 20 * 60_000,
  slugUrlMs: 60 * 60_000,
  buildTimeoutMs: 15 * 60_000,
  buildSlugLimit: 500 * 1024 * 1024,
}
