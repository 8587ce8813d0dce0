import type {Builds} from '../builds/builds.ts'
import type {BuildCaches} from '../builds/cache.ts'
import type {DynoHost} from '../dynos/contract.ts'
import type {Faults} from '../faults/faults.ts'
import type {GitServer} from '../git/git-server.ts'
import type {Journal} from '../faults/journal.ts'
import type {Logs} from '../logs/logs.ts'
import type {LogSession} from '../logs/log-session.ts'
import type {Source} from '../state/apps.ts'
import type {AppRecord} from '../state/model.ts'
import type {Store} from '../state/store.ts'
import type {RateLimit} from './http/rate-limit.ts'
import type {DynoManager} from './services/dyno-manager.ts'
import type {Releases} from './services/releases.ts'
import type {SignedBlobs} from './services/signed-blobs.ts'
import type {Streams} from './services/streams.ts'

/** What the resources of the API act on. */
export interface Context {
  store: Store
  source: Source
  host: DynoHost
  logs: Logs
  logSessions: Map<string, LogSession>
  faults: Faults
  journal: Journal
  rateLimit: RateLimit
  dynos: DynoManager
  releases: Releases
  slugs: SignedBlobs
  /** sources of builds */
  sources: SignedBlobs
  builds: Builds
  caches: BuildCaches
  /** of build caches; signed alone */
  cacheUrls: Pick<SignedBlobs, 'check' | 'sign'>
  git: GitServer
  /** what clients prove themselves with */
  token: string
  streams: Streams
  /** opens the app's router and notes its port in the app's record */
  openRouter: (app: AppRecord) => Promise<void>
  closeRouter: (app: AppRecord) => Promise<void>
  /** `http://127.0.0.1:PORT`, known once the server listens */
  apiUrl: () => string
}
