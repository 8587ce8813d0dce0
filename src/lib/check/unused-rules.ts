import {createFilter} from '../slugexclude/filter.ts'
import type {Rule, Rules} from '../slugexclude/rules.ts'
import type {ByteString} from '../slug/byte-string.ts'
import {TRANSFER_ROOT, type Judged} from './judge.ts'

/** A rule that decides about nothing, and why that is most likely so. */
export interface UnusedRule {
  rule: Rule
  reason: string
}

/** A change of a rule that would make it match; what it says fits behind "it matches nothing: ". */
interface Variant {
  applies: (rule: Rule) => Rule | null
  reason: (example: string, count: number) => string
}

const changed = (rule: Rule, pattern: string, directoryOnly = rule.directoryOnly): Rule => ({...rule, pattern: pattern as ByteString, directoryOnly})

const VARIANTS: readonly Variant[] = [
  {
    applies: rule => /^\/?(nix\/store|app\/\.nixs|\.nixs)\//.test(rule.pattern) ? changed(rule, rule.pattern.replace(/^\/?(nix\/store|app\/\.nixs|\.nixs)\//, '/store/')) : null,
    reason: example => `paths begin with store/ here, such as ${example}`,
  },
  {
    applies: rule => rule.pattern.startsWith('./') ? changed(rule, rule.pattern.slice(1)) : null,
    reason: () => 'no path begins with ./; write / in its place',
  },
  {
    applies: rule => rule.pattern.startsWith('/') && !rule.pattern.startsWith('/store/') ? changed(rule, `/store${rule.pattern}`) : null,
    reason: example => `the slash at its start anchors it to the folder that holds store/; it would match ${example} with /store before it`,
  },
  {
    applies: rule => rule.pattern.startsWith('/') ? changed(rule, rule.pattern.slice(1)) : null,
    reason: (example, count) => `the slash at its start anchors it to the folder that holds store/; without it, it would match ${count} such as ${example}`,
  },
  {
    applies: rule => rule.directoryOnly ? changed(rule, rule.pattern, false) : null,
    reason: (example, count) => `the slash at its end makes it match directories alone; without it, it would match ${count} such as ${example}`,
  },
  {
    applies: rule => rule.pattern.trim() !== rule.pattern ? changed(rule, rule.pattern.trim()) : null,
    reason: () => 'the space at its start or end is part of the pattern',
  },
  {
    applies: rule => /(^|[^*])\*([^*]|$)/.test(rule.pattern) && rule.pattern.includes('/') ? changed(rule, rule.pattern.replaceAll(/\*+/g, '**')) : null,
    reason: (example, count) => `a single * does not match a slash; with ** it would match ${count} such as ${example}`,
  },
  {
    applies: rule => rule.pattern.includes('/') && !rule.pattern.startsWith('/') && !rule.pattern.startsWith('**') ? changed(rule, rule.pattern.replace('/', '/**/')) : null,
    reason: example => `there is more than one folder in between: ${example} would be matched with /**/`,
  },
  {
    applies: rule => rule.pattern.length > 2 ? changed(rule, rule.pattern.toLowerCase()) : null,
    reason: example => `capital letters count; there is ${example}`,
  },
]

/** Of a large closure with many unused rules, variants are tried on every so manieth entry: that takes a tenth of a second. */
const MOST_LOOKS = 1_000_000

/** Names the rules that decide about nothing, cleared ones too. */
export function findUnused(judged: readonly Judged[], {rules, cleared}: Pick<Rules, 'cleared' | 'rules'>, used: ReadonlySet<Rule>): UnusedRule[] {
  const unused = rules.filter(rule => !used.has(rule))
  if (unused.length === 0 && cleared.length === 0) return []
  // Put together once: each rule is held against all of them.
  const all = judged.map(one => ({judged: one, path: (TRANSFER_ROOT + one.listed.path) as ByteString}))
  const step = Math.max(1, Math.ceil(all.length * unused.length * VARIANTS.length / MOST_LOOKS))
  const some = step === 1 ? all : all.filter((_, at) => at % step === 0)
  return [
    ...cleared.map(rule => ({rule, reason: 'a "!" below takes it off the list'})),
    ...unused.map(rule => ({rule, reason: shadow(rule, all) ?? variant(rule, some) ?? 'the closure has nothing of that name'})),
  ].sort((a, b) => a.rule.line - b.rule.line)
}

/** What others decided about all that it matches. */
function shadow(rule: Rule, subjects: readonly Subject[]): string | null {
  const matches = matching(rule, subjects)
  const [first] = matches
  if (first === undefined) return null
  const deciders = new Set(matches.map(({rule: decider}) => decider).filter(decider => decider !== null))
  const lines = [...deciders].map(({line}) => line).sort((a, b) => a - b)
  const all = matches.length === 1 ? `decides first about the one thing that it matches, ${first.listed.path}` : `decide${lines.length === 1 ? 's' : ''} first about all ${matches.length} that it matches`
  if (lines.length === 0) return null
  return matches.every(({because}) => because === 'below')
    ? `all that it matches is inside of what line${lines.length === 1 ? '' : 's'} ${lines.join(', ')} excludes`
    : `line${lines.length === 1 ? '' : 's'} ${lines.slice(0, 5).join(', ')} ${all}`
}

function variant(rule: Rule, subjects: readonly Subject[]): string | null {
  for (const {applies, reason} of VARIANTS) {
    const other = applies(rule)
    if (other === null || other.pattern === '') continue
    const matches = matching(other, subjects)
    if (matches[0] !== undefined) return reason(TRANSFER_ROOT + matches[0].listed.path, matches.length)
  }

  return null
}

interface Subject {
  judged: Judged
  /** as rules see it */
  path: ByteString
}

function matching(rule: Rule, subjects: readonly Subject[]): Judged[] {
  const filter = createFilter({rules: [rule]})
  return subjects.filter(({judged, path}) => filter.decide(path, judged.listed.kind === 'directory').rule !== null).map(({judged}) => judged)
}
