import type {Need} from '../listing/listed-file.ts'
import {plural} from '../output/plural.ts'
import {tableLines} from '../output/table.ts'
import {formatBytes} from '../output/units.ts'
import {withoutControls} from '../output/without-controls.ts'
import type {ByteString} from '../slug/byte-string.ts'
import type {Rule} from '../slugexclude/rules.ts'
import type {Step} from './closure-graph.ts'
import type {Break} from './find-breaks.ts'
import type {CheckReport, StorePathSum, Sum} from './report.ts'
import {shortPath, type Why} from './why.ts'

const LARGEST = 10
const SOME = 5

/** The report for people, a line each. */
export function describeReport(report: CheckReport): string[] {
  return [
    ...totals(report),
    ...section('Largest store paths kept', report.keptPaths.slice(0, LARGEST).map(path => pathLine(path))),
    ...section('Largest store paths dropped from', report.droppedPaths.slice(0, LARGEST).map(path => pathLine(path))),
    ...section('Rules', rules(report)),
    ...section('Kept, though nothing that the result comes to refers to it', limited(report.unreferenced.map(path => pathLine(path)))),
    ...section(`${plural(report.emptied.length, 'directory', 'directories')} left empty by rules, not in the slug either`, limited(report.emptied.map(path => `  ${show(path)}/`))),
    ...mayMiss(report),
    ...breaks(report),
    '', verdict(report),
  ]
}

/** The answer to `--why`, a line each. */
export function describeWhy(why: Why): string[] {
  switch (why.kind) {
    case 'root':
      return [`${show(why.path)} is kept: the build's result is or has it.`]
    case 'unreferenced':
      return [`${show(why.path)} is kept because no rule drops it. Nothing that the result comes to refers to it.`]
    case 'dropped':
      return [`${show(why.judged.listed.path)} is dropped${blame(why.judged.rule)}.`]
    case 'referred':
      return [`${show(why.path)} is kept:`, ...chain(why.chain)]
  }
}

function totals({before, kept, dropped, predicted: {layer, source, slug, limit}}: CheckReport): string[] {
  const rows = [['', 'files', 'links', 'size', 'compressed'], ['closure', ...cells(before)], ['kept', ...cells(kept)], ['dropped', ...cells(dropped)]]
  const parts = source === null ? `about ${formatBytes(layer)}, and the source in addition` : `about ${formatBytes(slug)}: ${formatBytes(layer)} of store paths and ${formatBytes(source)} of source`
  return [...tableLines(rows), '', `The slug will have ${parts}, of the ${formatBytes(limit)} that Heroku takes.`]
}

function cells({files, symlinks, bytes, packed}: Sum): string[] {
  return [String(files), String(symlinks), formatBytes(bytes), formatBytes(packed)]
}

function pathLine({name, bytes, packed, files}: StorePathSum): string {
  return `${formatBytes(packed).padStart(10)}  ${formatBytes(bytes).padStart(9)}  ${plural(files, 'file').padStart(11)}  ${show(name)}`
}

function rules({file, rules, unused, warnings}: CheckReport): string[] {
  if (file === null) return []
  const reasons = new Map(unused.map(({rule, reason}) => [rule, reason]))
  const all = [...rules, ...unused.filter(({rule}) => !rules.some(other => other.rule === rule)).map(({rule}) => ({rule, hits: 0, dropped: null}))]
  const lines = all.sort((a, b) => a.rule.line - b.rule.line).flatMap(({rule, hits, dropped}) => {
    const reason = reasons.get(rule)
    return [
      `  line ${String(rule.line).padStart(3)}  ${reason === undefined ? `${String(hits).padStart(7)} hits, ${formatBytes(dropped?.packed ?? 0).padStart(9)} less` : 'matches nothing'.padStart(28)}  ${withoutControls(rule.text)}`,
      ...(reason === undefined ? [] : [`            ${withoutControls(reason)}`]),
    ]
  })
  return [...lines, ...warnings.map(({line, message}) => `  line ${String(line).padStart(3)}  ${message}`)]
}

function mayMiss({mayMiss}: CheckReport): string[] {
  const lines = mayMiss.map(({path, need, rule}) => `  ${show(path)} ${phrase(need, show(need.to ?? path))}; dropped${blame(rule)}`)
  return section(`${plural(lines.length, 'place')} in kept files name what is dropped; they may do without`, limited(lines))
}

function breaks({breaks, resultDropped, file}: CheckReport): string[] {
  return [
    ...resultDropped === null ? [] : ['', `The result itself is dropped${blame(resultDropped.rule)}: nothing can run.`],
    ...section(`What ${file ?? 'pruning'} breaks`, limited(breaks.map(one => breakLines(one))).flat()),
  ]
}

function breakLines({dropped, rule, because, users, affected, chain: steps}: Break): string[] {
  const [first, ...others] = users
  return [
    `  ${show(dropped)} is dropped${because === 'empty' && rule === null ? ': nothing is left in it' : blame(rule)}`,
    ...(first === undefined ? [] : [`    ${show(first.path)} ${phrase(first.need, 'it')}${others.length > 0 ? `, and so ${others.length === 1 ? 'does 1 other' : `do ${others.length} others`}` : ''}${affected > users.length ? `; ${affected} do not work without them` : ''}`]),
    ...(steps.length > 1 ? ['    how the result comes to it:', ...chain(steps).map(line => `    ${line}`)] : []),
  ]
}

function chain(steps: readonly Step[]): string[] {
  return [`  ${show(steps[0]?.from ?? '' as ByteString)}`, ...steps.map(({need, to}) => `    ${need === null ? `holds ${show(to)}` : phrase(need, show(to))}`)]
}

/** What a file does with what it needs. @param what as the sentence calls that */
function phrase({how, name, offset}: Need, what: string): string {
  const place = offset === undefined ? '' : ` (byte ${offset})`
  switch (how) {
    case 'interpreter':
      return `is loaded by ${what}${place}`
    case 'library':
      return `needs ${what}${name === undefined || what.endsWith(`/${name}`) ? '' : `, as ${show(name)},`}${place}`
    case 'shebang':
      return `is run by ${what}${place}`
    case 'symlink':
      return `links to ${what}`
    case 'dlopen':
      return `may load ${what}${place}`
    case 'runpath':
      return `looks for libraries in ${what}${place}`
    case 'text':
      return `names ${what}${place}`
  }
}

function blame(rule: Rule | null): string {
  return rule === null ? '' : ` by line ${rule.line}: ${withoutControls(rule.text)}`
}

function verdict({file, breaks, resultDropped, predicted: {slug, limit}}: CheckReport): string {
  if (breaks.length > 0 || resultDropped !== null) return `Would break: ${plural(breaks.length + (resultDropped === null ? 0 : 1), 'thing')} that ${breaks.length === 1 ? 'is' : 'are'} dropped ${breaks.length === 1 ? 'is' : 'are'} needed.`
  if (slug > limit) return `Too large by ${formatBytes(slug - limit)}.`
  return file === null ? 'Fine. There is no .slugexclude, so everything is kept.' : 'Fine: nothing that is kept needs anything that is dropped.'
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `${title}:`, ...lines]
}

function limited<T extends string | string[]>(lines: readonly T[]): (T | string)[] {
  return lines.length <= SOME ? [...lines] : [...lines.slice(0, SOME), `  and ${lines.length - SOME} more; --json has them`]
}

function show(path: ByteString): string {
  return withoutControls(shortPath(path))
}
