import {SLUG_LIMIT} from '../slug/assemble.ts'
import type {ByteString} from '../slug/byte-string.ts'
import {addTo, noTotals, type Totals} from '../slug/entry.ts'
import {createFilter} from '../slugexclude/filter.ts'
import type {Rule, Rules, RuleWarning} from '../slugexclude/rules.ts'
import type {ListedFile} from '../listing/listed-file.ts'
import {closureGraph, nameOf, type ClosureGraph} from './closure-graph.ts'
import {findBreaks, resultDropped, type Breaks} from './find-breaks.ts'
import {TRANSFER_ROOT, type Judged} from './judge.ts'
import {findUnused, type UnusedRule} from './unused-rules.ts'

/** Totals, and what they add to a compressed slug. */
export interface Sum extends Totals {
  /** bytes */
  packed: number
}

export interface StorePathSum extends Sum {
  /** `HASH-NAME` */
  name: ByteString
}

export interface RuleSum {
  rule: Rule
  /** entries that it decided about; what lies in an excluded directory counts for the rule that excluded that */
  hits: number
  /** of those, what is dropped */
  dropped: Sum
}

export interface CheckReport extends Breaks {
  /** the rules' file; null: there is none, and nothing is dropped */
  file: string | null
  warnings: readonly RuleWarning[]
  before: Sum
  kept: Sum
  dropped: Sum
  /** bytes; `source` is null where it is not known */
  predicted: {layer: number; source: number | null; slug: number; limit: number}
  /** largest first */
  keptPaths: StorePathSum[]
  droppedPaths: StorePathSum[]
  rules: RuleSum[]
  unused: UnusedRule[]
  /** directories that held something and have nothing left, the topmost of each branch */
  emptied: ByteString[]
  /** kept paths that nothing refers to which the result comes to; largest first. Empty where no result is known */
  unreferenced: StorePathSum[]
  /** the rule that drops the result itself; null: none does */
  resultDropped: Judged | null
  graph: ClosureGraph
}

export interface ReportInput {
  judged: readonly Judged[]
  /** null: there is no `.slugexclude` */
  rules: Rules | null
  /** `HASH-NAME` of what `app/result` points to; null: not known */
  result: string | null
  /** bytes, compressed, of what a slug holds besides the layer; null: not known */
  source: number | null
}

/** Everything that can be said about a closure and its rules, as data. */
export function makeReport({judged, rules, result, source}: ReportInput): CheckReport {
  const graph = closureGraph(judged, result === null ? unreferredTo(judged) : [result])
  const sums = sumUp(judged)
  const decided = sumRules(judged, rules?.rules ?? [])
  const root = rules && createFilter(rules).decide(TRANSFER_ROOT.slice(0, -1) as ByteString, true).rule
  const used = new Set([...decided.filter(({hits}) => hits > 0).map(({rule}) => rule), ...root ? [root] : []])
  const layer = sums.kept.packed
  const keptPaths = byStorePath(judged, ({kept}) => kept)
  const reached = new Set(judged.filter(({listed}) => graph.isReached(listed.path)).map(({listed}) => nameOf(listed.path)))
  return {
    file: rules?.file ?? null, warnings: rules?.warnings ?? [],
    ...sums, ...findBreaks(judged, graph),
    predicted: {layer, source, slug: layer + (source ?? 0), limit: SLUG_LIMIT},
    keptPaths, droppedPaths: byStorePath(judged, ({kept}) => !kept),
    rules: decided, unused: rules === null ? [] : findUnused(judged, rules, used),
    emptied: emptied(judged),
    unreferenced: result === null ? [] : keptPaths.filter(({name}) => !reached.has(name)),
    resultDropped: resultDropped(graph, result), graph,
  }
}

/** What check ends with; breaking comes first, as a slug that is small enough may be made of what breaks. */
export function outcomeOf({breaks, resultDropped, predicted}: CheckReport): 'fine' | 'tooLarge' | 'wouldBreak' {
  if (breaks.length > 0 || resultDropped !== null) return 'wouldBreak'
  return predicted.slug > predicted.limit ? 'tooLarge' : 'fine'
}

function noSum(): Sum {
  return {...noTotals(), packed: 0}
}

function count(sum: Sum, listed: ListedFile): void {
  addTo(sum, listed.kind === 'file' ? {...listed, read: () => []} : listed)
  sum.packed += listed.packed
}

function sumUp(judged: readonly Judged[]): {before: Sum; kept: Sum; dropped: Sum} {
  const sums = {before: noSum(), kept: noSum(), dropped: noSum()}
  for (const {listed, kept} of judged) {
    count(sums.before, listed)
    count(kept ? sums.kept : sums.dropped, listed)
  }

  return sums
}

function byStorePath(judged: readonly Judged[], wanted: (one: Judged) => boolean): StorePathSum[] {
  const sums = new Map<ByteString, StorePathSum>()
  for (const one of judged) {
    if (!wanted(one)) continue
    const name = nameOf(one.listed.path)
    const sum = sums.get(name) ?? {name, ...noSum()}
    sums.set(name, sum)
    count(sum, one.listed)
  }

  return [...sums.values()].filter(({files, symlinks}) => files + symlinks > 0).sort((a, b) => b.packed - a.packed)
}

function sumRules(judged: readonly Judged[], rules: readonly Rule[]): RuleSum[] {
  const sums = new Map(rules.map(rule => [rule, {rule, hits: 0, dropped: noSum()}]))
  for (const {listed, kept, rule} of judged) {
    const sum = rule && sums.get(rule)
    if (!sum) continue
    sum.hits++
    if (!kept) count(sum.dropped, listed)
  }

  return [...sums.values()]
}

function emptied(judged: readonly Judged[]): ByteString[] {
  const found: ByteString[] = []
  judged.forEach(({listed: {path}, because}, at) => {
    const holdsSomething = judged[at + 1]?.listed.path.startsWith(`${path}/`) ?? false
    if (because === 'empty' && holdsSomething && !path.startsWith(`${found.at(-1) ?? '/'}/`)) found.push(path)
  })
  return found
}

/** In a folder whose result nobody names, what no other path refers to is there for its own sake. */
function unreferredTo(judged: readonly Judged[]): ByteString[] {
  const names = new Set<ByteString>()
  const referred = new Set<ByteString>()
  for (const {listed} of judged) {
    const own = nameOf(listed.path)
    names.add(own)
    for (const {to} of listed.needs) {
      const name = to === null ? own : nameOf(to)
      if (name !== own) referred.add(name)
    }
  }

  const roots = [...names].filter(name => !referred.has(name))
  return roots.length === 0 ? [...names] : roots
}
