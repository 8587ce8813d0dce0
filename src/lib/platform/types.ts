/** An app, as far as builds and releases need it. */
export interface App {
  id: string
  name: string
  /** `us`, `eu`, or a Private Space's */
  region: string
  /** `heroku-24`, `container`, `cnb` */
  stack: string
  /** `cedar` or `fir`; older answers have none, and are Cedar's */
  generation: string
  /** null: in the Common Runtime */
  space: string | null
  webUrl: string | null
  /** null: never released */
  slugSize: number | null
}

/** A region's place at its provider, e.g. `us-east-1`. */
export interface Region {
  name: string
  provider: string | null
}

export interface DynoInfo {
  id: string
  name: string
  command: string
  /** `Standard-1X`, `Performance-L` */
  size: string
  state: string
  type: string
  releaseVersion: number | null
}

export interface SlugRequest {
  process_types: Readonly<Record<string, string>>
  stack: string
  commit?: string
  commit_description?: string
  /** `SHA256:` + hex of the tar.gz */
  checksum?: string
  buildpack_provided_description?: string
}

export interface SlugInfo {
  id: string
  checksum: string | null
  /** bytes; null where Heroku has not counted them */
  size: number | null
  /** what was built, as whoever made the slug says */
  commit: string | null
  commitDescription: string | null
  processTypes: Readonly<Record<string, string>>
  /** where its bytes go (POST) or come from (GET); signed, never printed */
  blobUrl: string
}

export interface Release {
  id: string
  version: number
  status: string
  current: boolean
  description: string
  slugId: string | null
  /** the release phase's output; signed, never printed */
  outputStreamUrl: string | null
}

export interface ProcessType {
  type: string
  command: string
  quantity: number
  size: string
}

/** A place for a source's bytes. Both URLs are signed, for an hour, and never printed. */
export interface SourceInfo {
  putUrl: string
  getUrl: string
}

export interface BuildRequest {
  source_blob: {
    url: string
    /** SOURCE_VERSION in the build; Heroku shows its first eight characters */
    version: string
    version_description: string
    /** `SHA256:` + hex of the tar.gz */
    checksum: string
  }
}

/** A build at Heroku, by the app's buildpacks. */
export interface BuildInfo {
  id: string
  /** `pending`, `succeeded`, `failed` */
  status: string
  /** its output; signed, never printed */
  outputStreamUrl: string
  /** the source's; signed, never printed */
  sourceUrl: string | null
  slugId: string | null
  releaseId: string | null
}
