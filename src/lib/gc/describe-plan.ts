import {plural} from '../output/plural.ts'
import {tableLines} from '../output/table.ts'
import {formatBytes} from '../output/units.ts'
import type {Found} from './survey.ts'
import type {SweepPlan} from './plan-sweep.ts'

/** How much of one kind goes. */
export interface Going {
  kind: 'builds' | 'closure' | 'layers' | 'other' | 'sources' | 'toolbox'
  objects: number
  bytes: number
}

/** Of each kind of which something goes. */
export function goingOf({builds, pointers, pushes, probes, layers, sources, paths, nars, toolboxes, tools}: SweepPlan): Going[] {
  const sum = (kind: Going['kind'], found: readonly Found[]): Going => ({kind, objects: found.length, bytes: found.reduce((bytes, {size}) => bytes + size, 0)})
  const ofBuilds: Going = {
    kind: 'builds', objects: builds.reduce((all, {objects}) => all + objects, 0), bytes: builds.reduce((all, {bytes}) => all + bytes, 0),
  }
  return [ofBuilds, sum('closure', [...paths.flat().flatMap(({narinfos}) => narinfos), ...nars]), sum('layers', layers), sum('sources', sources), sum('toolbox', [...toolboxes, ...tools]), sum('other', [...pointers, ...pushes, ...probes])]
    .filter(({objects}) => objects > 0)
}

export function totalOf(going: readonly Going[]): {objects: number; bytes: number} {
  return {objects: going.reduce((sum, {objects}) => sum + objects, 0), bytes: going.reduce((sum, {bytes}) => sum + bytes, 0)}
}

/** builds that are named one by one */
const SHOWN = 20

/** What stays and why, and what goes, as lines for people. */
export function describePlan(plan: SweepPlan): string[] {
  const {kept} = plan
  const going = goingOf(plan)
  const lines = [...kept.builds].map(([id, reason]) => `  ${id}  ${reason.kind === 'released' ? `released, ${reason.by}` : REASONS[reason.kind]}`)
  const gone = plan.builds.map(({id}) => `  ${id}`)
  return [
    keeping(plan),
    ...shortened(lines),
    `${plural(kept.paths, 'store path')} of this and other apps stay${kept.paths === 1 ? 's' : ''}${kept.pushes === 0 ? '' : `, also for ${plural(kept.pushes, 'push', 'pushes')} by nix:cache:push`}.`,
    ...(gone.length === 0 ? [] : [`${gone.length === 1 ? 'This build goes' : `These ${gone.length} builds go`}:`, ...shortened(gone)]),
    ...(going.length === 0 ? ['There is nothing to delete.'] : ['What goes:', ...tableLines([
      ['', 'objects', 'size'],
      ...[...going, {kind: 'all', ...totalOf(going)}].map(({kind, objects, bytes}) => [`  ${kind}`, String(objects), formatBytes(bytes)]),
    ])]),
  ]
}

function keeping({app, kept: {builds: {size}}}: SweepPlan): string {
  if (size === 0) return `No build of ${app} stays.`
  return size === 1 ? `Of ${app} this build stays, with all that it needs:` : `Of ${app} these ${size} builds stay, with all that they need:`
}

const REASONS = {newest: 'one of the newest that succeeded', young: 'younger than 48 hours'}

function shortened(lines: readonly string[]): string[] {
  return lines.length <= SHOWN ? [...lines] : [...lines.slice(0, SHOWN), `  and ${lines.length - SHOWN} more`]
}
