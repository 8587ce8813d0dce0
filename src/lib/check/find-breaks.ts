import type {Need} from '../listing/listed-file.ts'
import type {ByteString} from '../slug/byte-string.ts'
import type {Rule} from '../slugexclude/rules.ts'
import {nameOf, STRONG, type ClosureGraph, type Step} from './closure-graph.ts'
import type {Judged} from './judge.ts'

/** Something that is dropped although what is kept does not work without it. */
export interface Break {
  /** what is dropped, relative to the store */
  dropped: ByteString
  because: Judged['because']
  /** the rule to blame; null: none names it, a folder that became empty */
  rule: Rule | null
  /** who asks for it, programs first */
  users: {path: ByteString; need: Need}[]
  /** how many entries do not work without those, they themselves counted */
  affected: number
  /** how the build's result comes to need it; empty where it does not */
  chain: Step[]
}

export interface Breaks {
  breaks: Break[]
  /** What kept files name, but may do without. `need.to` is dropped. */
  mayMiss: {path: ByteString; need: Need; rule: Rule | null}[]
}

/** Holds what is kept against what it needs. Needs that led nowhere before are nobody's fault here. */
export function findBreaks(judged: readonly Judged[], graph: ClosureGraph): Breaks {
  const broken = new Map<Judged, Break>()
  const mayMiss: Breaks['mayMiss'] = []
  const usersOf = reverse(judged)
  for (const {listed, kept} of judged) {
    if (!kept) continue
    for (const need of listed.needs) {
      const missing = missingOf(need, graph)
      if (missing === null) continue
      if (!STRONG.includes(need.how)) {
        // One folder of several to look in is missed by nobody.
        if (need.how !== 'runpath') mayMiss.push({path: listed.path, need, rule: missing.rule})
        continue
      }

      const known = broken.get(missing) ?? {dropped: missing.listed.path, because: missing.because, rule: missing.rule, users: [], affected: 0, chain: []}
      broken.set(missing, known)
      known.users.push({path: listed.path, need})
    }
  }

  for (const one of broken.values()) {
    const affected = closureOf(one.users.map(({path}) => path), usersOf)
    one.affected = affected.size
    one.users = programsFirst(one.users, graph)
    one.chain = shortestChain(one, graph)
  }

  return {breaks: [...broken.values()].sort((a, b) => b.affected - a.affected), mayMiss}
}

/** @returns the first thing on the way that is dropped; null: all is there, or the loader takes another */
function missingOf({to, through, or}: Need, graph: ClosureGraph): Judged | null {
  if (to === null || or?.some(path => graph.find(path)?.kept)) return null
  return [...through ?? [], to].map(path => graph.find(path)).find(entry => entry !== undefined && !entry.kept) ?? null
}

/** A program that does not start says more than a library that cannot be loaded. */
function programsFirst(users: Break['users'], graph: ClosureGraph): Break['users'] {
  const isProgram = ({path}: {path: ByteString}) => graph.find(path)?.listed.needs.some(({how}) => how === 'interpreter' || how === 'shebang') ?? false
  return [...users.filter(user => isProgram(user)), ...users.filter(user => !isProgram(user))]
}

function reverse(judged: readonly Judged[]): Map<ByteString, ByteString[]> {
  const users = new Map<ByteString, ByteString[]>()
  for (const {listed, kept} of judged) {
    for (const {how, to, through} of kept ? listed.needs : []) {
      if (to === null || !STRONG.includes(how)) continue
      for (const path of [...through ?? [], to]) {
        const known = users.get(path)
        if (known) known.push(listed.path)
        else users.set(path, [listed.path])
      }
    }
  }

  return users
}

function closureOf(start: readonly ByteString[], next: ReadonlyMap<ByteString, readonly ByteString[]>): Set<ByteString> {
  const found = new Set<ByteString>()
  const open = [...start]
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (found.has(path)) continue
    found.add(path)
    open.push(...next.get(path) ?? [])
  }

  return found
}

/** Of all users that the result comes to, the nearest: its chain, and the step that leads nowhere. */
function shortestChain({users, dropped}: Break, graph: ClosureGraph): Step[] {
  let shortest: Step[] | null = null
  for (const {path, need} of users) {
    const chain = graph.chainTo(path)
    if (chain !== null && (shortest === null || chain.length + 1 < shortest.length)) shortest = [...chain, {from: path, need, to: dropped}]
  }

  return shortest ?? []
}

/** Whether the very path that `app/result` points to is gone. */
export function resultDropped(graph: ClosureGraph, result: string | null): Judged | null {
  const entry = result === null ? undefined : graph.find(nameOf(result))
  return entry && !entry.kept ? entry : null
}
