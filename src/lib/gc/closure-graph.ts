import type {Bucket} from '../bucket/bucket.ts'
import {readNarInfo} from '../cache/read-narinfo.ts'
import {namedSigners} from '../closure/narinfo-signature.ts'
import {parseNarInfo} from '../closure/narinfo.ts'
import {NixError} from '../errors.ts'
import {baseNameOf, hashPartOf} from '../nix/store-path.ts'
import {allOf} from '../restore/parallel.ts'
import type {Found, Survey} from './survey.ts'

/** A store path in the bucket, on one shelf or on both. */
export interface GraphPath {
  hash: string
  /** its narinfos */
  narinfos: Found[]
  /** keys */
  nars: string[]
  /** hashes of what it refers to and the bucket has, itself left out */
  references: string[]
  /** none of our keys signed it, or nobody could read it: not ours to take away */
  isForeign: boolean
}

/** More than builds take for a narinfo: what somebody else's names stays, too. */
const MAX_READ = 16 * 1024 * 1024

/** requests at once */
const WIDTH = 32

export interface GraphOptions {
  isOwnKey: (name: string) => boolean
  /** hashes of all that the bucket has; those that are read, unless given */
  known?: Iterable<string>
  /** Called with how many were read so far. */
  onRead: (count: number) => void
}

/** Reads every narinfo. */
export async function readGraph(
  bucket: Pick<Bucket, 'head' | 'read'>, {narinfos}: Pick<Survey, 'narinfos'>, {isOwnKey, known: names = narinfos.keys(), onRead}: GraphOptions,
): Promise<Map<string, GraphPath>> {
  const graph = new Map<string, GraphPath>()
  // What is cut out of a text keeps all of it in memory; the listing's own strings are there anyway.
  const known = new Map([...names].map(hash => [hash, hash]))
  let count = 0
  await allOf([...narinfos], WIDTH, async ([hash, found]) => {
    const path: GraphPath = {hash, narinfos: found, nars: [], references: [], isForeign: false}
    for (const {key} of found) {
      const object = await readNarInfo(bucket, key, MAX_READ)
      if (!object) continue
      // Without one it is nothing of ours: it stays, and what it may name is not known.
      const {nar, references, isForeign} = object.text === null ? {nar: null, references: [], isForeign: true} : describe(object.text, key, isOwnKey)
      if (nar !== null) path.nars.push(`${key.slice(0, -`${hash}.narinfo`.length)}${nar}`)
      path.references.push(...references.filter(name => name !== hash).map(name => known.get(name)).filter(name => name !== undefined))
      path.isForeign ||= isForeign
    }

    graph.set(hash, path)
    onRead(count += 1)
  })
  return graph
}

function describe(text: string, key: string, isOwnKey: (name: string) => boolean): {nar: string | null; references: string[]; isForeign: boolean} {
  try {
    const info = parseNarInfo(text, key)
    return {nar: info.url, references: info.references.map(path => hashPartOf(baseNameOf(path))), isForeign: !namedSigners(info).some(isOwnKey)}
  } catch (error) {
    if (!(error instanceof NixError)) throw error
    // It stays, and so does what it seems to name.
    const names = /^References: *(.*)$/m.exec(text)?.[1]?.split(/\s+/) ?? []
    return {nar: /^URL: *(\S+)$/m.exec(text)?.[1] ?? null, references: names.map(hashPartOf), isForeign: true}
  }
}

/** The hashes of `roots` and of all that they refer to. */
export function reachable(graph: ReadonlyMap<string, GraphPath>, roots: Iterable<string>): Set<string> {
  const reached = new Set<string>()
  const waiting = [...roots]
  for (let hash = waiting.pop(); hash !== undefined; hash = waiting.pop()) {
    const path = graph.get(hash)
    if (!path || reached.has(hash)) continue
    reached.add(hash)
    waiting.push(...path.references)
  }

  return reached
}

/**
 * Groups in which nothing refers to anything of the same or of a later one: taken away in this order, what is left is whole at
 * every moment. Of paths that refer to one another in a circle, which only a forger can make, the last group has the rest.
 */
export function referrersFirst(paths: readonly GraphPath[]): GraphPath[][] {
  const byHash = new Map(paths.map(path => [path.hash, path]))
  const referrers = new Map<string, number>()
  for (const {references} of paths) for (const hash of new Set(references)) referrers.set(hash, (referrers.get(hash) ?? 0) + 1)
  const groups: GraphPath[][] = []
  let group = paths.filter(({hash}) => !referrers.has(hash))
  const left = new Set(paths)
  while (group.length > 0) {
    groups.push(group)
    const next: GraphPath[] = []
    for (const path of group) {
      left.delete(path)
      for (const hash of new Set(path.references)) {
        const count = (referrers.get(hash) ?? 0) - 1
        referrers.set(hash, count)
        const freed = byHash.get(hash)
        if (count === 0 && freed) next.push(freed)
      }
    }

    group = next
  }

  return left.size > 0 ? [...groups, [...left]] : groups
}
