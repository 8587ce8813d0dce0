import {once} from 'node:events'
import type {AddressInfo, Server} from 'node:net'
import {join} from 'node:path'
import {Builds} from '../builds/builds.ts'
import {BuildCaches} from '../builds/cache.ts'
import type {BuildHost} from '../builds/contract.ts'
import type {DynoHost} from '../dynos/contract.ts'
import {StandinError} from '../errors.ts'
import {Faults} from '../faults/faults.ts'
import {GitServer} from '../git/git-server.ts'
import {Journal} from '../faults/journal.ts'
import {Logs} from '../logs/logs.ts'
import {createCertificates} from '../rendezvous/certificates.ts'
import {createRendezvous} from '../rendezvous/server.ts'
import {Routers} from '../router/routers.ts'
import type {Source} from '../state/apps.ts'
import {timestamp} from '../state/apps.ts'
import type {State} from '../state/model.ts'
import {Store} from '../state/store.ts'
import type {Context} from './context.ts'
import {RateLimit} from './http/rate-limit.ts'
import {createApiServer} from './http/server.ts'
import {allRoutes} from './routes.ts'
import {DynoManager} from './services/dyno-manager.ts'
import {Formations} from './services/formations.ts'
import {OneOffs} from './services/one-offs.ts'
import {Releases} from './services/releases.ts'
import {SignedBlobs} from './services/signed-blobs.ts'
import {Streams} from './services/streams.ts'

export interface PlatformOptions {
  /** holds the state; what an earlier run left there is taken up */
  dir: string
  /** of the API; 0: any */
  port: number
  host: DynoHost
  buildHost: BuildHost
  source: Source
  complain: (message: string) => void
}

export interface Platform {
  /** `http://127.0.0.1:PORT` */
  api: string
  token: string
  /** path of the CA that signed the rendezvous server's certificate, in PEM */
  ca: string
  /** `127.0.0.1:PORT` of the rendezvous server */
  rendezvous: string
  /** Ends every dyno and every connection. */
  close(): Promise<void>
}

/** Starts Heroku on 127.0.0.1: API, rendezvous, routers, and the web dynos of the apps that there are. */
export async function startPlatform({dir, port, host, buildHost, source, complain}: PlatformOptions): Promise<Platform> {
  const {ca, key, cert} = await createCertificates(join(dir, 'ca'))
  const store = new Store(dir, () => newState(source))
  const logs = new Logs(() => source.now())
  const faults = new Faults()
  const slugs = new SignedBlobs({dir: join(dir, 'slugs'), path: '/blobs', key: source.secret(32)}, source)
  const sources = new SignedBlobs({dir: join(dir, 'sources'), path: '/source-blobs', key: source.secret(32)}, source)
  const caches = new BuildCaches(join(dir, 'build-caches'))
  const cacheUrls = new SignedBlobs({dir: join(dir, 'build-caches'), path: '/cache-blobs', key: source.secret(32)}, source)
  const streams = new Streams(join(dir, 'streams'))
  const runContext = {faults, host, logs, slugs, source}
  let rendezvousAddress = ''
  const oneOffs = new OneOffs(runContext, secret => `rendezvous://${rendezvousAddress}/${secret}`)
  const formations = new Formations(runContext)
  const routers = new Routers({formations, logs, source}, store, complain)
  const dynos = new DynoManager(oneOffs, formations)
  const releases = new Releases({...runContext, store, streams}, oneOffs, formations)
  let api = ''
  const apiUrl = () => api
  const token = source.secret(20)
  const builds = new Builds({...runContext, host: buildHost, apiUrl, caches, complain, releases, store, streams})
  const git = await GitServer.start(join(dir, 'git'), {apiUrl, builds, complain, source, sources, streams})
  const context: Context = {
    store, source, host, logs, faults, dynos, releases, slugs, sources, streams, builds, caches, cacheUrls, git, token, logSessions: new Map(), journal: new Journal(),
    rateLimit: new RateLimit(() => source.now()), openRouter: app => routers.open(app), closeRouter: app => routers.close(app), apiUrl,
  }

  const rendezvous = createRendezvous({key, cert}, oneOffs, logs)
  rendezvousAddress = await listen(rendezvous.server, 0)
  const server = createApiServer({...allRoutes(context), token, complain}, context)
  api = `http://${await listen(server, port)}`
  failInterrupted(store, source)
  await Promise.all(store.state.apps.map(app => routers.open(app)))
  store.save()
  for (const app of store.state.apps) formations.follow(app)

  return {
    api, token, ca, rendezvous: rendezvousAddress,
    async close() {
      releases.close()
      dynos.close()
      await builds.close()
      git.close()
      // Nobody may order a dyno any more when the host goes.
      server.close()
      server.closeAllConnections()
      await host.close()
      rendezvous.close()
      await Promise.all(store.state.apps.map(app => routers.close(app)))
    },
  }
}

function newState(source: Source): State {
  return {format: 1, account: {id: source.uuid(), email: 'developer@example.com', createdAt: timestamp(source.now())}, apps: []}
}

/** A release whose release phase ended with the last run never becomes current, and a build that did never succeeds. */
function failInterrupted(store: Store, source: Source): void {
  for (const record of store.state.apps.flatMap(app => [...app.releases, ...app.builds])) {
    if (record.status === 'pending') Object.assign(record, {status: 'failed', updatedAt: timestamp(source.now())})
  }
}

async function listen(server: Server, port: number): Promise<string> {
  const listening = once(server, 'listening')
  server.listen(port, '127.0.0.1')
  try {
    await listening
  } catch (error) {
    throw new StandinError(`Cannot listen on 127.0.0.1:${port}: ${(error as Error).message}`, ['Take another port, or 0 for any.'], {cause: error})
  }

  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}
