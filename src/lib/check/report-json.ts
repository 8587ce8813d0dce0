import {toJsonText} from '../listing/json-text.ts'
import type {Need} from '../listing/listed-file.ts'
import type {ByteString} from '../slug/byte-string.ts'
import type {Rule} from '../slugexclude/rules.ts'
import type {Step} from './closure-graph.ts'
import {outcomeOf, type CheckReport, type StorePathSum} from './report.ts'
import type {Why} from './why.ts'

/** The report under `--json`. Paths are relative to the store; bytes that are not UTF-8 are lone surrogates, U+DC80 to U+DCFF. */
export function reportJson(report: CheckReport): object {
  return {
    outcome: outcomeOf(report),
    slugexclude: report.file,
    warnings: report.warnings,
    before: report.before, kept: report.kept, dropped: report.dropped, predicted: report.predicted,
    keptPaths: report.keptPaths.map(path => pathJson(path)),
    droppedPaths: report.droppedPaths.map(path => pathJson(path)),
    rules: report.rules.map(({rule, hits, dropped}) => ({...ruleJson(rule), hits, dropped})),
    unused: report.unused.map(({rule, reason}) => ({...ruleJson(rule), reason})),
    emptied: report.emptied.map(path => toJsonText(path)),
    unreferenced: report.unreferenced.map(path => pathJson(path)),
    resultDropped: report.resultDropped !== null,
    breaks: report.breaks.map(({dropped, rule, because, users, affected, chain}) => ({
      dropped: toJsonText(dropped), because, rule: rule && ruleJson(rule), affected,
      users: users.map(({path, need}) => ({path: toJsonText(path), ...needJson(need)})), chain: chain.map(step => stepJson(step)),
    })),
    mayMiss: report.mayMiss.map(({path, need, rule}) => ({path: toJsonText(path), ...needJson(need), rule: rule && ruleJson(rule)})),
  }
}

export function whyJson(why: Why): object {
  if (why.kind === 'dropped') return {kind: why.kind, path: toJsonText(why.judged.listed.path), rule: why.judged.rule && ruleJson(why.judged.rule)}
  return {kind: why.kind, path: toJsonText(why.path), ...(why.kind === 'referred' && {chain: why.chain.map(step => stepJson(step))})}
}

function pathJson({name, ...sum}: StorePathSum): object {
  return {name: toJsonText(name), ...sum}
}

function ruleJson({line, text}: Rule): object {
  return {line, text}
}

function stepJson({from, need, to}: Step): object {
  return {from: toJsonText(from), ...(need === null ? {how: 'inside'} : needJson(need)), to: toJsonText(to)}
}

function needJson({how, to, name, offset}: Need): object {
  const text = (bytes: ByteString | null) => bytes === null ? null : toJsonText(bytes)
  return {how, to: text(to), ...(name !== undefined && {name: text(name)}), ...(offset !== undefined && {offset})}
}
