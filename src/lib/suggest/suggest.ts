import {closureGraph, nameOf} from '../check/closure-graph.ts'
import {findBreaks} from '../check/find-breaks.ts'
import {judge, type Judged} from '../check/judge.ts'
import {EXIT, NixError} from '../errors.ts'
import type {ListedFile} from '../listing/listed-file.ts'
import type {ByteString} from '../slug/byte-string.ts'
import {parseRules} from '../slugexclude/parse-rules.ts'
import type {Rules} from '../slugexclude/rules.ts'
import {CANDIDATES, isCompiler, type Candidate} from './candidates.ts'
import {exactPattern, literalPattern} from './literal.ts'
import {findNeeded, parentsOf, topmost, type Needed} from './needed.ts'

/** One line of the file to be, and what its comment says. */
export interface SuggestedRule {
  text: string
  why: string
  /** what it drops, bytes: in the slug, and on disk */
  packed: number
  size: number
}

export interface Suggestion {
  /** in their order; each decides about something */
  rules: SuggestedRule[]
  before: {packed: number; size: number}
  after: {packed: number; size: number}
}

export interface SuggestOptions {
  /** `HASH-NAME` that `app/result` points to; null: not known, and what nothing refers to is kept */
  result: string | null
  /** patterns, as in a .slugexclude, of what is to be kept with all that is in it */
  keep: readonly string[]
}

/** What has so many exceptions is no rule. */
const MOST_EXCEPTIONS = 12

interface Line {
  text: string
  why: string
}

/**
 * Rules that drop only what can be argued for, and break nothing that check knows of.
 * @throws NixError KEEP_MATCHES_NOTHING
 */
export function suggest(files: readonly ListedFile[], {result, keep}: SuggestOptions): Suggestion {
  const roots = result === null ? topmost(files) : [result]
  const kept = new Set(keep.flatMap(pattern => matches(files, pattern)))
  let candidates = files.some(listed => isCompiler(listed)) ? CANDIDATES.filter(({forBuilding}) => !forBuilding) : CANDIDATES
  for (;;) {
    const attributed = attribute(files, candidates)
    const needed = findNeeded(files, {roots, droppable: new Set(attributed.keys()), keep: new Set([...kept, ...ownFiles(attributed, roots), ...excepted(attributed)])})
    const exceptions = Map.groupBy(needed.stay, listed => attributed.get(listed))
    const overruled = candidates.filter(one => (exceptions.get(one) ?? []).filter(listed => !kept.has(listed)).length > MOST_EXCEPTIONS)
    if (overruled.length === 0) return settle(files, linesOf({files, candidates, keep, kept, needed, exceptions}), roots)
    candidates = candidates.filter(one => !overruled.includes(one))
  }
}

/** Files and folders that a pattern names, with all that is in these. */
function matches(files: readonly ListedFile[], pattern: string): ListedFile[] {
  const found = judge(files, parseRules(`- ${pattern}\n`, {file: '--keep'})).filter(({because}) => because === 'rule' || because === 'below').map(({listed}) => listed)
  if (found.length > 0) return found
  throw new NixError(`--keep ${pattern} matches nothing in the closure.`, {
    code: 'KEEP_MATCHES_NOTHING', exit: EXIT.usage, suggestions: ['heroku nix:slugexclude:check --list kept'],
  })
}

/** Which candidate would drop each entry. */
function attribute(files: readonly ListedFile[], candidates: readonly Candidate[]): Map<ListedFile, Candidate> {
  const lines = candidates.flatMap(candidate => [...staying(candidate).map(text => ({text, candidate: null})), {text: `- ${candidate.pattern}`, candidate}])
  const rules = parseRules(lines.map(({text}) => `${text}\n`).join(''))
  const attributed = new Map<ListedFile, Candidate>()
  for (const {listed, because, rule} of judge(files, rules)) {
    const candidate = rule && (because === 'rule' || because === 'below') ? lines[rule.line - 1]?.candidate : undefined
    if (candidate) attributed.set(listed, candidate)
  }

  return attributed
}

function staying({stays = []}: Candidate): string[] {
  return stays.map(pattern => `+ ${pattern}`)
}

/** The result's own files may be what the app is for; its links to other paths' files are not. */
function ownFiles(attributed: ReadonlyMap<ListedFile, Candidate>, roots: readonly string[]): ListedFile[] {
  return [...attributed.keys()].filter(({kind, path}) => kind === 'file' && roots.includes(nameOf(path)) && !path.includes('/nix-support/'))
}

function excepted(attributed: ReadonlyMap<ListedFile, Candidate>): ListedFile[] {
  return [...attributed].filter(([listed, {but}]) => but?.(listed)).map(([listed]) => listed)
}

interface Found {
  files: readonly ListedFile[]
  candidates: readonly Candidate[]
  keep: readonly string[]
  kept: ReadonlySet<ListedFile>
  needed: Needed
  exceptions: ReadonlyMap<Candidate | undefined, readonly ListedFile[]>
}

function linesOf({files, candidates, keep, kept, needed, exceptions}: Found): Line[] {
  const lines: Line[] = []
  for (const pattern of keep) {
    const bare = pattern.replace(/\/$/, '')
    lines.push({text: `+ ${pattern}`, why: 'asked for by --keep'}, {text: `+ ${bare}/**`, why: 'asked for by --keep'})
  }

  lines.push(...including([...kept].flatMap(({path}) => parentsOf(path)), 'leads to what --keep asks for', true))
  for (const candidate of candidates) {
    lines.push(...staying(candidate).map(text => ({text, why: 'used often enough to stay'})))
    const stay = (exceptions.get(candidate) ?? []).filter(listed => !kept.has(listed))
    lines.push(...including(stay.flatMap(({path}) => parentsOf(path).slice(1)).filter(path => candidate.isTree && isWithin(path, candidate)), 'leads to what stays', true))
    lines.push(...including(stay.map(({path}) => path), 'stays: it is the app itself, or something that is kept fails without it', false))
    if (candidate.isTree && exceptions.has(candidate)) lines.push({text: `- ${candidate.pattern}/***`, why: candidate.why})
    lines.push({text: `- ${candidate.pattern}`, why: candidate.why})
  }

  const names = [...new Set(files.map(({path}) => nameOf(path)))]
  for (const name of names) {
    if (needed.paths.has(name)) continue
    const pattern = [literalPattern(name), exactPattern(name)].find(one => one !== null && names.every(other => needed.paths.has(other) ? !isNamed(one, other) : true))
    if (pattern) lines.push({text: `- ${pattern}`, why: 'nothing that is kept refers to it'})
  }

  return lines
}

function isNamed(pattern: string, name: ByteString): boolean {
  const rules = parseRules(`- ${pattern}\n`)
  return judge([{kind: 'directory', path: name, packed: 0, needs: []}], rules)[0]?.because === 'rule'
}

/** Is the folder one that the candidate's pattern drops, or in such a one? */
function isWithin(path: ByteString, {pattern}: Candidate): boolean {
  const last = pattern.slice(pattern.lastIndexOf('/') + 1)
  return path.split('/').slice(1).includes(last)
}

function including(paths: readonly ByteString[], why: string, areFolders: boolean): Line[] {
  return [...new Set(paths)].flatMap(path => {
    const pattern = literalPattern(path)
    return pattern === null ? [] : [{text: `+ ${pattern}${areFolders ? '/' : ''}`, why}]
  })
}

/** Leaves out lines that decide nothing, and any that breaks something after all. */
function settle(files: readonly ListedFile[], lines: readonly Line[], roots: readonly string[]): Suggestion {
  let left = [...lines]
  for (;;) {
    const rules = parseRules(left.map(({text}) => `${text}\n`).join(''))
    const judged = judge(files, rules)
    const used = new Set(judged.map(({rule}) => rule?.line))
    const guilty = new Set(findBreaks(judged, closureGraph(judged, roots)).breaks.map(({rule}) => rule?.line))
    const next = left.filter((_line, index) => used.has(index + 1) && !guilty.has(index + 1))
    if (next.length === left.length) return summarize(left, judged, rules)
    left = next
  }
}

function summarize(lines: readonly Line[], judged: readonly Judged[], {rules}: Rules): Suggestion {
  const suggested = lines.map(line => ({...line, packed: 0, size: 0}))
  const before = {packed: 0, size: 0}
  const after = {packed: 0, size: 0}
  const byRule = new Map(rules.map((rule, index) => [rule, suggested[index]]))
  for (const {listed, kept, rule} of judged) {
    const size = listed.kind === 'file' ? listed.size : 0
    const places = [before, kept ? after : rule && byRule.get(rule)]
    for (const place of places) {
      if (!place) continue
      place.packed += listed.packed
      place.size += size
    }
  }

  return {rules: suggested, before, after}
}
