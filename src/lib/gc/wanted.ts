import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {recordStore, type RecordStore} from '../build/record-store.ts'
import {isBuildId, secondOf} from '../build/id.ts'
import type {BuildRecord} from '../build/record.ts'
import {EXIT, NixError} from '../errors.ts'
import {baseNameOf, HASH_LENGTH, hashPartOf} from '../nix/store-path.ts'
import {allOf} from '../restore/parallel.ts'
import type {AppObjects, Found, Survey} from './survey.ts'

export interface Wishes {
  /** NIX_APP_NAME: the app whose builds may go */
  app: string
  /** how many of its builds that succeeded stay, the newest */
  keep: number
  /** how many of its pushes, the newest; null: all */
  keepPushes: number | null
  /** its builds that are released, and by whom: `v12`, an app's name */
  released: ReadonlyMap<string, string>
  /** NIX_TOOLBOX; null: it is not set */
  toolbox: string | null
  /** What was written later stays: milliseconds since 1970. */
  limit: number
}

/** Why a build stays: it is one of the newest that succeeded, it was written to lately, or it is released (by whom). */
export type Reason = {kind: 'newest' | 'young'} | {kind: 'released'; by: string}

/** What everything else in the bucket is kept for. */
export interface Wanted {
  /** the app's builds that stay, by id, the newest first */
  builds: Map<string, Reason>
  /** of store paths */
  hashes: Set<string>
  /** digests */
  layers: Set<string>
  /** keys */
  sources: Set<string>
  /** keys of the app's lists of pushed paths */
  pushes: Set<string>
  /** digests of what dynos start from */
  toolboxes: Set<string>
  /** what our signatures are called in this bucket, of any app */
  isOwnKey: (name: string) => boolean
}

const MAX_LIST = 64 * 1024 * 1024
/** records at once; one of a large closure has half a megabyte */
const WIDTH = 8

/**
 * Reads the builds that stay: of the app those that are wished for or young, of every other app all.
 * @throws NixError BAD_RECORD: what a record refers to that cannot be read is not known
 */
export async function readWanted(bucket: Pick<Bucket, 'list' | 'name' | 'put' | 'read'>, survey: Survey, wishes: Wishes): Promise<Wanted> {
  const keyNames = new Set<string>()
  const wanted: Wanted = {
    builds: new Map(), hashes: new Set(), layers: new Set(), sources: new Set(), pushes: new Set(), toolboxes: new Set(wishes.toolbox === null ? [] : [wishes.toolbox]),
    isOwnKey: name => keyNames.has(name) || survey.apps.has(name.replace(/-\d+$/, '')),
  }
  for (const [app, objects] of survey.apps) {
    const records = recordStore(bucket, app)
    const isOurs = app === wishes.app
    if (isOurs) wanted.builds = await buildsToKeep(records, objects, wishes)
    const ids = isOurs ? [...wanted.builds.keys()] : [...objects.builds.keys()].filter(isBuildId)
    const pushes = isOurs ? pushesToKeep(objects.pushes, wishes) : objects.pushes
    if (isOurs) for (const {key} of pushes) wanted.pushes.add(key)
    await allOf(ids, WIDTH, async id => {
      const {record, needs} = await readNeeds(bucket, app, id)
      if (record?.state === 'succeeded') keyNames.add(record.signature.split(':')[0] ?? '')
      addTo(wanted, needs)
    })
    await allOf(objects.toolboxes, WIDTH, async ({key}) => {
      const note = await bucket.read(key, {maxBytes: 1024})
      if (note !== null) wanted.toolboxes.add(note.bytes.toString().trim())
    })
    await allOf(pushes, WIDTH, async ({key}) => {
      for (const hash of hashesIn((await bucket.read(key, {maxBytes: MAX_LIST}))?.bytes)) wanted.hashes.add(hash)
    })
  }

  return wanted
}

async function buildsToKeep(records: Pick<RecordStore, 'read'>, {builds}: AppObjects, {keep, released, limit}: Wishes): Promise<Map<string, Reason>> {
  const kept = new Map<string, Reason>()
  let succeeded = 0
  for (const id of await newestFirst(records, [...builds.keys()].filter(isBuildId))) {
    const modifiedAt = builds.get(id)?.modifiedAt ?? 0
    const by = released.get(id)
    const counts = succeeded < keep && (await readRecord(records, id))?.state === 'succeeded'
    if (counts) succeeded += 1
    if (by !== undefined) kept.set(id, {kind: 'released', by})
    else if (counts || modifiedAt > limit) kept.set(id, {kind: counts ? 'newest' : 'young'})
  }

  return kept
}

/** Ids tell seconds apart; within one, the records do. */
async function newestFirst(records: Pick<RecordStore, 'read'>, ids: readonly string[]): Promise<string[]> {
  const seconds = new Map<string, string[]>()
  for (const id of ids) seconds.set(secondOf(id), [...seconds.get(secondOf(id)) ?? [], id])
  const sorted = await allOf([...seconds].sort(([a], [b]) => a < b ? 1 : -1), WIDTH, async ([, same]) => {
    if (same.length === 1) return same
    const times = new Map(await allOf(same, WIDTH, async id => [id, Date.parse((await readRecord(records, id))?.createdAt ?? '')] as const))
    return same.sort((a, b) => (times.get(b) || 0) - (times.get(a) || 0) || (a < b ? 1 : -1))
  })
  return sorted.flat()
}

async function readRecord(records: Pick<RecordStore, 'read'>, id: string): Promise<BuildRecord | null> {
  try {
    return (await records.read(id))?.record ?? null
  } catch (error) {
    if (!(error instanceof NixError) || error.code !== 'BAD_RECORD') throw error
    throw new NixError(`${error.message} What it needs cannot be known, so nothing is swept.`, {
      code: 'BAD_RECORD', exit: EXIT.verification, suggestions: ['heroku plugins:update, if a newer version wrote it'], cause: error,
    })
  }
}

function pushesToKeep(pushes: readonly Found[], {keepPushes, limit}: Wishes): Found[] {
  return [...pushes].sort((a, b) => b.modifiedAt - a.modifiedAt).filter(({modifiedAt}, n) => n < (keepPushes ?? Infinity) || modifiedAt > limit)
}

/** What a build is of no use without. */
export type Needs = Pick<Wanted, 'hashes' | 'layers' | 'sources' | 'toolboxes'>

/** @throws NixError BAD_RECORD */
export async function readNeeds(bucket: Pick<Bucket, 'list' | 'name' | 'put' | 'read'>, app: string, id: string): Promise<{record: BuildRecord | null; needs: Needs}> {
  const [record, list] = await Promise.all([readRecord(recordStore(bucket, app), id), bucket.read(keys.paths(app, id), {maxBytes: MAX_LIST})])
  const outcome = record?.state === 'succeeded' ? record.outcome : null
  return {
    record,
    needs: {
      hashes: new Set([...hashesIn(list?.bytes), ...(outcome?.closure ?? []).map(({path}) => hashPartOf(baseNameOf(path)))]),
      layers: new Set(outcome === null ? [] : [outcome.layer.digest]),
      sources: new Set(record === null ? [] : [keys.source(record.app, record.source.tree)]),
      toolboxes: new Set(record === null ? [] : [record.toolbox]),
    },
  }
}

function addTo(wanted: Needs, needs: Needs): void {
  for (const kind of ['hashes', 'layers', 'sources', 'toolboxes'] as const) for (const name of needs[kind]) wanted[kind].add(name)
}

/** Of lines that begin with a store path's base name. */
function* hashesIn(bytes: Buffer | undefined): Generator<string> {
  for (const line of bytes?.toString().split('\n') ?? []) {
    const hash = line.slice(0, HASH_LENGTH)
    if (hash.length === HASH_LENGTH) yield hash
  }
}
