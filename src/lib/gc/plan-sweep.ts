import type {Bucket} from '../bucket/bucket.ts'
import {isBuildId} from '../build/id.ts'
import {allOf} from '../restore/parallel.ts'
import {readGraph, reachable, referrersFirst, type GraphPath} from './closure-graph.ts'
import {noObjects, type Found, type Survey} from './survey.ts'
import {unwantedTools} from './unwanted-tools.ts'
import {readWanted, type Reason, type Wishes} from './wanted.ts'

/** A build that goes, with all that lies below it. */
export interface SweptBuild {
  id: string
  objects: number
  bytes: number
}

/** What nothing that stays refers to, all of it old, in the order in which it goes. */
export interface SweepPlan {
  app: string
  /** What was written later stays: milliseconds since 1970. */
  limit: number
  pointers: Found[]
  builds: SweptBuild[]
  pushes: Found[]
  sources: Found[]
  layers: Found[]
  /** what dynos started from, and the programs in there */
  toolboxes: Found[]
  tools: Found[]
  probes: Found[]
  /** groups, each of which only earlier ones refer to */
  paths: GraphPath[][]
  nars: Found[]
  /** what stays: the app's builds, how many lists of pushed paths, and how many store paths for whatever app */
  kept: {builds: ReadonlyMap<string, Reason>; pushes: number; paths: number}
  /** the narinfos that it knows */
  known: Survey['narinfos']
}

export interface PlanOptions extends Wishes {
  survey: Survey
  /** narinfos that were read so far */
  onRead: (count: number) => void
}

/** Reads what is wanted and what that refers to; changes nothing. @throws NixError BAD_RECORD */
export async function planSweep(bucket: Pick<Bucket, 'head' | 'list' | 'name' | 'put' | 'read'>, {survey, onRead, ...wishes}: PlanOptions): Promise<SweepPlan> {
  const {app, limit} = wishes
  const wanted = await readWanted(bucket, survey, wishes)
  const graph = await readGraph(bucket, survey, {isOwnKey: wanted.isOwnKey, onRead})
  const isYoung = ({modifiedAt}: Found) => modifiedAt > limit
  const roots = [...graph.values()].filter(path => path.isForeign || path.narinfos.some(isYoung)).map(({hash}) => hash)
  const live = reachable(graph, [...wanted.hashes, ...roots])
  const nars = new Set([...live].flatMap(hash => graph.get(hash)?.nars ?? []))
  const ours = survey.apps.get(app) ?? noObjects()
  const isSwept = (id: string) => !wanted.builds.has(id) && (ours.builds.get(id)?.modifiedAt ?? 0) <= limit
  return {
    ...await unwantedTools(bucket, survey, {isWanted: digest => wanted.toolboxes.has(digest), isYoung}),
    app, limit,
    pointers: await pointersTo(bucket, ours.pointers.filter(found => !isYoung(found)), isSwept),
    builds: [...ours.builds].filter(([id]) => isBuildId(id) && isSwept(id)).map(([id, {objects, bytes}]) => ({id, objects, bytes})).sort((a, b) => a.id < b.id ? -1 : 1),
    pushes: ours.pushes.filter(({key}) => !wanted.pushes.has(key)),
    sources: unwanted(ours.sources, ({key}) => wanted.sources.has(key), limit),
    layers: [...survey.layers].filter(([digest]) => !wanted.layers.has(digest)).filter(([, all]) => !all.some(isYoung)).flatMap(([, all]) => all),
    probes: unwanted(survey.probes, () => false, limit),
    paths: referrersFirst([...graph.values()].filter(({hash}) => !live.has(hash))),
    nars: unwanted(survey.nars, ({key}) => nars.has(key), limit),
    kept: {builds: wanted.builds, pushes: wanted.pushes.size, paths: live.size},
    known: survey.narinfos,
  }
}

function unwanted(all: readonly Found[], isWanted: (found: Found) => boolean, limit: number): Found[] {
  return all.filter(found => found.modifiedAt <= limit && !isWanted(found))
}

/** A pointer whose build goes, or has gone, leads nowhere. */
async function pointersTo(bucket: Pick<Bucket, 'read'>, pointers: readonly Found[], isSwept: (id: string) => boolean): Promise<Found[]> {
  const found = await allOf(pointers, 32, async pointer => {
    const object = await bucket.read(pointer.key, {maxBytes: 1024})
    return object !== null && isSwept(object.bytes.toString().trim()) ? [pointer] : []
  })
  return found.flat()
}
