import type {Writable} from 'node:stream'
import {createFilter} from '../slugexclude/filter.ts'
import {createTreeFilter, type Verdict} from '../slugexclude/filter-tree.ts'
import type {Rule, Rules} from '../slugexclude/rules.ts'
import {fromText, type ByteString} from './byte-string.ts'
import {addTo, noTotals, type SlugEntries, type SlugEntry, type Totals} from './entry.ts'
import {GzipMembers} from './gzip-members.ts'
import {TarMembers} from './tar-members.ts'

/** Where the view lies in a slug. */
const VIEW = './app/.nixs/'
/** What rules see instead: `.slugexclude`'s transfer root holds `store/`, as it always did. */
const TRANSFER_ROOT = 'store/'

export interface LayerOptions {
  /** the run-time closure, paths relative to the view: `HASH-NAME/…` */
  entries: SlugEntries
  /** the build's .slugexclude; null: there is none and nothing is dropped */
  rules: Rules | null
  /** the build's result, `HASH-NAME`: where `app/result` points */
  result: string
  /** The layer's bytes go here. It is ended after the last of them, and destroyed after a failure. */
  sink: Writable
  /** members in work at once; changes no byte. Follows the number of CPUs, when absent */
  jobs?: number
  signal?: AbortSignal
}

export interface LayerSummary {
  /** hex, of the bytes given to the sink */
  sha256: string
  /** bytes given to the sink */
  size: number
  /** bytes of the files' contents, as they lie on a dyno's disk */
  unpackedSize: number
  kept: Totals
  dropped: Totals
  /** directories that no rule names, but which rules left empty or which always were; part of `dropped` */
  emptyDirectories: number
  /** how many entries each rule decided; what lies below an excluded directory counts for the rule that excluded it */
  hits: ReadonlyMap<Rule, number>
  /** false: the rules drop the very path that `app/result` points to */
  resultKept: boolean
}

/**
 * Writes the pruned closure as a run of complete gzip members that hold tar entries, without the archive's end:
 * `./app/.nixs/…` and `./app/result`. Equal entries and rules give equal bytes, whatever else differs.
 *
 * Directories get mode 0755, unlike in a store: whoever is not root must be able to unpack into them and to delete them
 * again, and a NAR does not record their mode. Files have 0444 or 0555.
 */
export async function writeLayer({entries, rules, result, sink, jobs, signal}: LayerOptions): Promise<LayerSummary> {
  const members = new GzipMembers(sink, jobs)
  const tar = new TarMembers(members)
  const tally = new Tally(result)
  try {
    await tar.add({kind: 'directory', path: fromText(VIEW.slice(0, -1))})
    for await (const verdict of judge(entries, rules)) {
      signal?.throwIfAborted()
      tally.count(verdict)
      if (verdict.kind === 'kept') await tar.add(inView(verdict.entry.entry))
    }

    await tar.add({kind: 'symlink', path: fromText('./app/result'), target: fromText(`.nixs/${result}`)})
    const written = await members.finish()
    return {...written, ...tally.summary()}
  } catch (error) {
    await members.abandon(error)
    throw error
  }
}

interface Judged {
  entry: SlugEntry
  path: ByteString
  isDirectory: boolean
}

/** The folder that holds the closure: rules are asked about it as about any other, but it is no part of a slug. */
interface TransferRoot {
  entry: null
  path: ByteString
  isDirectory: true
}

async function* judge(entries: SlugEntries, rules: Rules | null): AsyncGenerator<Verdict<Judged>> {
  const filter = rules && createTreeFilter<Judged | TransferRoot>(createFilter(rules))
  const ofEntries = (verdicts: readonly Verdict<Judged | TransferRoot>[]) => verdicts.filter((verdict): verdict is Verdict<Judged> => verdict.entry.entry !== null)
  if (filter) ofEntries(filter.next({entry: null, path: TRANSFER_ROOT.slice(0, -1) as ByteString, isDirectory: true}))
  for await (const entry of entries) {
    const judged = {entry, path: (TRANSFER_ROOT + entry.path) as ByteString, isDirectory: entry.kind === 'directory'}
    if (filter) yield* ofEntries(filter.next(judged))
    else yield {kind: 'kept', entry: judged, decision: {kept: true, rule: null}}
  }

  if (filter) yield* ofEntries(filter.end())
}

function inView(entry: SlugEntry): SlugEntry {
  return {...entry, path: (VIEW + entry.path) as ByteString}
}

class Tally {
  readonly #result: string
  readonly #kept = noTotals()
  readonly #dropped = noTotals()
  readonly #hits = new Map<Rule, number>()
  #emptyDirectories = 0
  #resultKept = false

  constructor(result: string) {
    this.#result = result
  }

  count({kind, entry: {entry}, decision: {rule}}: Verdict<Judged>): void {
    if (rule) this.#hits.set(rule, (this.#hits.get(rule) ?? 0) + 1)
    if (kind === 'empty') this.#emptyDirectories++
    if (kind === 'kept' && entry.path === this.#result) this.#resultKept = true
    addTo(kind === 'kept' ? this.#kept : this.#dropped, entry)
  }

  summary(): Omit<LayerSummary, 'sha256' | 'size'> {
    return {
      unpackedSize: this.#kept.bytes, kept: this.#kept, dropped: this.#dropped,
      emptyDirectories: this.#emptyDirectories, hits: this.#hits, resultKept: this.#resultKept,
    }
  }
}
