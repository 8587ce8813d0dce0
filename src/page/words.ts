import {formatBytes} from '../lib/output/units.ts'
import type {PageData} from '../lib/treemap/page-data.ts'
import type {Content} from './layout.ts'
import {pathOf, type Amounts, type Entry} from './model.ts'

export function files(count: number): string {
  return count === 1 ? '1 file' : `${count.toLocaleString('en')} files`
}

/** A store path's name without its hash, which says nothing to people. */
export function shortName(name: string): string {
  return name.replace(/^[0-9a-z]{32}-(?=.)/, '')
}

/** Where it is, how large it is, and why it is kept or not. */
export function describe(content: Content, data: Pick<PageData, 'rules' | 'rulesFile'>): {path: string; facts: string} {
  if (content.kind === 'rest') {
    return {path: `${pathOf(content.parent)}/…`, facts: `${content.entries.length.toLocaleString('en')} smaller things together: ${amounts(content.total)}${share(content.total, content.dropped)}`}
  }

  const {entry} = content
  const path = pathOf(entry)
  if (entry.children) return {path: path === '' ? 'everything' : `${path}/`, facts: `${files(entry.files)}, ${amounts(entry.total)}${share(entry.total, entry.dropped)}`}
  return {path, facts: `${amounts(entry.total)} — ${verdict(entry, data)}`}
}

function verdict(entry: Entry, {rules, rulesFile}: Pick<PageData, 'rules' | 'rulesFile'>): string {
  const state = entry.droppedFiles === 0 ? 'kept' : 'dropped'
  const rule = rules[entry.rule]
  if (rule) return `${state} by line ${rule.line} of ${rulesFile ?? 'the rules'}: ${rule.text}`
  return rulesFile === null ? state : `${state}: no rule matches it`
}

function amounts({packed, size}: Amounts): string {
  return `${formatBytes(size)} on disk, about ${formatBytes(packed)} in the slug`
}

function share(total: Amounts, dropped: Amounts): string {
  if (dropped.size === 0 && dropped.packed === 0) return ', all kept'
  if (dropped.size === total.size && dropped.packed === total.packed) return ', all dropped'
  return `; of that dropped: ${formatBytes(dropped.size)} and ${formatBytes(dropped.packed)}`
}
