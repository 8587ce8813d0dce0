import {ask, type Patience} from './ask.ts'
import type {Purpose} from './answer-error.ts'
import {fieldsOf, listOf, parseApp, parseBuild, parseBuildpack, parseDyno, parseProcessType, parseRegion, parseRelease, parseSlug, parseSource} from './parse.ts'
import {pathOf, type PlatformRequest, type SendRequest} from './request.ts'
import type {App, BuildInfo, BuildRequest, DynoInfo, ProcessType, Region, Release, SlugInfo, SlugRequest, SourceInfo} from './types.ts'
import type {DynoRequest} from '../build/dyno-command.ts'
import {NixError} from '../errors.ts'

/**
 * What we need of Heroku for one app. Every failure is a NixError with Heroku's own message in it; `null` is
 * for what is gone by the nature of things (a dyno that ended, a slug that Heroku removed).
 */
export interface Platform {
  app(): Promise<App>
  region(name: string): Promise<Region>
  configVars(): Promise<Record<string, string>>
  /** Makes one release and restarts the app's dynos, however many vars it sets; null takes one away. */
  setConfigVars(vars: Readonly<Record<string, string | null>>): Promise<void>
  /** URLs or `urn:buildpack:…` names, in their order. */
  buildpacks(): Promise<string[]>
  /** Replaces the whole list. */
  setBuildpacks(buildpacks: readonly string[]): Promise<void>
  /** Sent once: after NO_ANSWER look in `dynos()`. */
  createDyno(request: DynoRequest): Promise<DynoInfo>
  dyno(name: string): Promise<DynoInfo | null>
  dynos(): Promise<DynoInfo[]>
  stopDyno(name: string): Promise<void>
  /** Where the newest lines can be read, without credentials, that Heroku itself has written of a dyno. */
  logUrl(options: {dyno: string; lines: number}): Promise<string>
  /** Sent once; its `blobUrl` takes the bytes. */
  createSlug(request: SlugRequest): Promise<SlugInfo>
  slug(id: string): Promise<SlugInfo | null>
  /** Sent once. */
  createRelease(request: {slug: string; description: string}): Promise<Release>
  /** @param release an id or a version */
  release(release: string): Promise<Release>
  /** The newest first. */
  releases(options: {max: number}): Promise<Release[]>
  formation(): Promise<ProcessType[]>
  /** Its `putUrl` takes a source's tar.gz. */
  createSource(): Promise<SourceInfo>
  /** Sent once; builds and releases by the app's own buildpacks. After NO_ANSWER look in `builds()`. */
  createBuild(request: BuildRequest): Promise<BuildInfo>
  build(id: string): Promise<BuildInfo>
  /** The newest first. */
  builds(options: {max: number}): Promise<BuildInfo[]>
}

/** @param send see SendRequest: no POST twice */
export function herokuPlatform(app: string, send: SendRequest, patience: Patience): Platform {
  const call = async (doing: string, request: PlatformRequest) => {
    const purpose: Purpose = {app, doing}
    return (await ask(send, request, purpose, patience)).body
  }

  const get = (doing: string, path: string, headers?: Record<string, string>) =>
    call(doing, {method: 'GET', path, ...(headers && {headers})})
  return {
    app: async () => parseApp(await get(`show ${app}`, pathOf`/apps/${app}`)),
    region: async name => parseRegion(await get(`show region ${name}`, pathOf`/regions/${name}`)),
    configVars: async () => fieldsOf(await get(`show ${app}'s config vars`, pathOf`/apps/${app}/config-vars`), 'config-vars').texts(),
    setConfigVars: async body => {
      await call(`set ${Object.keys(body).join(', ')}`, {method: 'PATCH', path: pathOf`/apps/${app}/config-vars`, body})
    },
    buildpacks: async () => listOf(await get(`show ${app}'s buildpacks`, pathOf`/apps/${app}/buildpack-installations`), 'buildpacks', parseBuildpack),
    setBuildpacks: async buildpacks => {
      const body = {updates: buildpacks.map(buildpack => ({buildpack}))}
      await call('set the buildpacks', {method: 'PUT', path: pathOf`/apps/${app}/buildpack-installations`, body})
    },
    createDyno: async request => parseDyno(await call(
      request.size === undefined ? 'start a one-off dyno' : `start a one-off dyno of size ${request.size}`,
      {method: 'POST', path: pathOf`/apps/${app}/dynos`, body: request},
    )),
    dyno: name => unlessGone(async () => parseDyno(await get(`show dyno ${name}`, pathOf`/apps/${app}/dynos/${name}`))),
    dynos: async () => listOf(await get(`list ${app}'s dynos`, pathOf`/apps/${app}/dynos`), 'dynos', parseDyno),
    stopDyno: async name => {
      await call(`stop dyno ${name}`, {method: 'POST', path: pathOf`/apps/${app}/dynos/${name}/actions/stop`})
    },
    logUrl: async ({dyno, lines}) => fieldsOf(await call(
      `show the log of ${dyno}`, {method: 'POST', path: pathOf`/apps/${app}/log-sessions`, body: {dyno, lines, source: 'heroku', tail: false}},
    ), 'log-session').text('logplex_url'),
    createSlug: async body => parseSlug(await call('create a slug', {method: 'POST', path: pathOf`/apps/${app}/slugs`, body})),
    slug: id => unlessGone(async () => parseSlug(await get(`show slug ${id}`, pathOf`/apps/${app}/slugs/${id}`))),
    createRelease: async body => parseRelease(await call('release the slug', {method: 'POST', path: pathOf`/apps/${app}/releases`, body})),
    release: async release => parseRelease(await get(`show release ${release}`, pathOf`/apps/${app}/releases/${release}`)),
    releases: async ({max}) => listOf(
      await get(`list ${app}'s releases`, pathOf`/apps/${app}/releases`, {range: `version ..; order=desc,max=${max}`}),
      'releases', parseRelease,
    ),
    formation: async () => listOf(await get(`show ${app}'s formation`, pathOf`/apps/${app}/formation`), 'formation', parseProcessType),
    createSource: async () => parseSource(await call('make room for the source', {method: 'POST', path: '/sources'})),
    createBuild: async body => parseBuild(await call('build', {method: 'POST', path: pathOf`/apps/${app}/builds`, body})),
    build: async id => parseBuild(await get(`show build ${id}`, pathOf`/apps/${app}/builds/${id}`)),
    builds: async ({max}) => listOf(
      await get(`list ${app}'s builds`, pathOf`/apps/${app}/builds`, {range: `started_at ..; order=desc,max=${max}`}), 'builds', parseBuild,
    ),
  }
}

async function unlessGone<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof NixError && error.code === 'NOT_FOUND') return null
    throw error
  }
}
