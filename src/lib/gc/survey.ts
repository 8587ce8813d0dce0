import type {Bucket} from '../bucket/bucket.ts'

/** An object, as a listing has it. */
export interface Found {
  key: string
  /** bytes */
  size: number
  /** milliseconds since 1970 */
  modifiedAt: number
}

/** All that lies below `builds/ID/`. */
export interface BuildObjects {
  objects: number
  bytes: number
  /** of the one that was written last */
  modifiedAt: number
  hasRecord: boolean
}

/** What one app has in the bucket. */
export interface AppObjects {
  builds: Map<string, BuildObjects>
  sources: Found[]
  /** trees, commits, the newest: each holds a build's id */
  pointers: Found[]
  /** lists of what was pushed */
  pushes: Found[]
  /** what each app at Heroku released */
  released: Found[]
  /** which toolbox each app at Heroku is pushed with */
  toolboxes: Found[]
}

/** What the bucket holds, sorted by what it is; some hundred bytes of memory for each object that is no build's. */
export interface Survey {
  apps: Map<string, AppObjects>
  /** by hash; of both shelves, the root and `heroku/cache/` */
  narinfos: Map<string, Found[]>
  nars: Found[]
  /** by digest: the layer and what is said of it */
  layers: Map<string, Found[]>
  /** what dynos start from, by digest */
  toolboxes: Map<string, Found[]>
  /** the programs that toolboxes name */
  tools: Found[]
  /** what nix:setup left of trying the bucket */
  probes: Found[]
}

/** Reads one whole listing. What it does not know, it leaves out, and nobody sweeps. @param onObject awaited */
export async function surveyBucket(bucket: Pick<Bucket, 'list'>, onObject: (count: number) => Promise<void> | void = () => undefined): Promise<Survey> {
  const survey: Survey = {apps: new Map(), narinfos: new Map(), nars: [], layers: new Map(), toolboxes: new Map(), tools: [], probes: []}
  let count = 0
  for await (const {key, size, modifiedAt} of bucket.list('')) {
    await onObject(count += 1)
    note(survey, {key, size, modifiedAt: modifiedAt.getTime()})
  }

  return survey
}

function note(survey: Survey, found: Found): void {
  const {key} = found
  const [, narinfo] = /^(?:heroku\/cache\/)?([0-9a-df-np-sv-z]{32})\.narinfo$/.exec(key) ?? []
  const [, layer] = /^heroku\/layers\/([0-9a-f]{64})\.(?:tar\.gz|[^/]+\.json)$/.exec(key) ?? []
  const [, toolbox] = /^heroku\/toolbox\/([0-9a-f]{64})\/[^/]+$/.exec(key) ?? []
  const [, app, kind, rest = ''] = /^heroku\/apps\/([^/]+)\/(builds|commits|newest|pushes|released|sources|toolboxes|trees)(?:\/(.+))?$/.exec(key) ?? []
  if (narinfo !== undefined) add(survey.narinfos, narinfo, found)
  else if (/^(?:heroku\/cache\/)?nar\/[^/]+$/.test(key)) survey.nars.push(found)
  else if (layer !== undefined) add(survey.layers, layer, found)
  else if (toolbox !== undefined) add(survey.toolboxes, toolbox, found)
  else if (/^heroku\/toolbox\/tools\/[0-9a-f]{64}$/.test(key)) survey.tools.push(found)
  else if (key.startsWith('heroku/probe/')) survey.probes.push(found)
  else if (app !== undefined && kind !== undefined) noteOfApp(appOf(survey, app), {kind, rest, found})
}

function noteOfApp(app: AppObjects, {kind, rest, found}: {kind: string; rest: string; found: Found}): void {
  if (kind === 'builds') {
    const [id = '', name = ''] = rest.split('/')
    const build = app.builds.get(id) ?? {objects: 0, bytes: 0, modifiedAt: 0, hasRecord: false}
    app.builds.set(id, {
      objects: build.objects + 1, bytes: build.bytes + found.size, modifiedAt: Math.max(build.modifiedAt, found.modifiedAt),
      hasRecord: build.hasRecord || name === 'build.json',
    })
  } else if (kind === 'sources') app.sources.push(found)
  else if (kind === 'pushes') app.pushes.push(found)
  else if (kind === 'released') app.released.push(found)
  else if (kind === 'toolboxes') app.toolboxes.push(found)
  else app.pointers.push(found)
}

function appOf({apps}: Survey, name: string): AppObjects {
  const app = apps.get(name) ?? noObjects()
  apps.set(name, app)
  return app
}

/** What an app has that nothing was built for. */
export function noObjects(): AppObjects {
  return {builds: new Map(), sources: [], pointers: [], pushes: [], released: [], toolboxes: []}
}

function add<Key>(map: Map<Key, Found[]>, key: Key, found: Found): void {
  const list = map.get(key)
  if (list) list.push(found)
  else map.set(key, [found])
}
