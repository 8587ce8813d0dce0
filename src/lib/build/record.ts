/**
 * A build's record, `heroku/apps/NAME/builds/ID/build.json`: what was asked for, who builds it, how it ended.
 * Written by the client as `pending`, claimed by one dyno with If-Match, finished and signed by that dyno.
 */
export type BuildRecord = PendingBuild | RunningBuild | SucceededBuild | UnsuccessfulBuild

interface BuildBase {
  version: 1
  /** `YYYYMMDD-HHMMSS-xxxx`, UTC */
  id: string
  /** NIX_APP_NAME */
  app: string
  /** ISO 8601, UTC, as are all times here */
  createdAt: string
  source: BuildSource
  /** NIX_BUILD_FLAGS at the time of the build */
  buildFlags: string
  /** sha256 of the toolbox's loader */
  toolbox: string
  /** as Heroku names it, or null for the app's default */
  dynoSize: string | null
  /** seconds */
  timeToLive: number
}

export interface BuildSource {
  /** git tree hash */
  tree: string
  /** null for a working tree that no commit holds */
  commit: string | null
  /** hex, of the uncompressed tar: gzip's bytes differ between zlib versions, the tar's do not */
  sha256: string
}

export interface PendingBuild extends BuildBase {
  state: 'pending'
}

export interface Claim {
  /** the dyno's name, `run.1234` */
  dyno: string
  /** random; tells two dynos of one name apart */
  nonce: string
  claimedAt: string
}

export interface RunningBuild extends BuildBase {
  state: 'running'
  claim: Claim
  heartbeatAt: string
  /** segments written so far */
  logSegments: number
}

export interface SucceededBuild extends BuildBase {
  state: 'succeeded'
  claim: Claim
  finishedAt: string
  logSegments: number
  outcome: Outcome
  /** `name:base64`, over `signedText(record)` */
  signature: string
}

export interface UnsuccessfulBuild extends BuildBase {
  /** `lost`: the dyno vanished; `interrupted`: SIGTERM (cycling, time_to_live, a stop); `cancelled`: never started */
  state: 'cancelled' | 'failed' | 'interrupted' | 'lost'
  claim: Claim | null
  finishedAt: string
  logSegments: number
  failure: {
    /** stable, e.g. NIX_BUILD_FAILED, NO_DEFAULT_NIX, DYNO_LOST */
    code: string
    message: string
    /** nix-build's, where it ran */
    exitStatus: number | null
    suggestions: string[]
  }
}

/** What a succeeded build made. */
export interface Outcome {
  engine: 'proot' | 'relocate'
  /** what the dyno was found to permit, e.g. {ptrace: 'refused', userNamespaces: 'refused'} */
  probe: Record<string, string>
  /** `/nix/store/HASH-NAME` */
  result: string
  /** null where Nix does not know what made the result */
  drvPath: string | null
  /** the run-time closure, sorted by path */
  closure: ClosurePath[]
  layer: LayerObject
  listing: {key: string; sha256: string; size: number}
  /** names of the programs in `result/bin` */
  programs: string[]
  /** outputs that this build kept out of the cache, by a place in each file; not part of what is signed. Absent: nothing was found */
  tainted?: LeftPath[]
  /** what in the slug still means /nix/store, likewise */
  unrewritten?: LeftPath[]
}

/** A place in compressed content where a store path stands that could not be rewritten. */
export interface LeftPath {
  /** `/nix/store/HASH-NAME` */
  path: string
  /** relative to the path; empty where the path is the file itself */
  file: string
  /** names of the members on the way to it, the outermost container's first */
  inside: string[]
  /** bytes from the start of the innermost content */
  offset: number
}

/** How many of them a record has at most. */
export const MAX_LEFT_PATHS = 500

export interface ClosurePath {
  /** `/nix/store/HASH-NAME` */
  path: string
  /** `sha256:` + Nix base-32 */
  narHash: string
  /** bytes */
  narSize: number
  /** store paths, sorted */
  references: string[]
}

export interface LayerObject {
  key: string
  /** over the closure, .slugexclude, the engine and the layer format: what the key is made of */
  digest: string
  /** hex, of the object's bytes */
  sha256: string
  /** bytes, compressed */
  size: number
  /** bytes, as they lie on a dyno's disk */
  unpackedSize: number
}

export const FINISHED_STATES = ['succeeded', 'failed', 'interrupted', 'lost', 'cancelled'] as const

export function isFinished(record: BuildRecord): record is SucceededBuild | UnsuccessfulBuild {
  return record.state !== 'pending' && record.state !== 'running'
}
