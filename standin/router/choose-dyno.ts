import type {AppRecord} from '../state/model.ts'
import {currentSlug} from '../state/apps.ts'
import type {LiveDyno} from '../platform/services/live-dyno.ts'
import type {RouterCode} from './errors.ts'

export type Choice =
  | {kind: 'dyno'; live: LiveDyno; address: {host: string; port: number}}
  | {kind: 'wait'}
  | {kind: 'error'; code: RouterCode}

/** Where a request goes: to web dynos that are up in turn, else it waits for one that starts, else it fails. */
export function chooseDyno(app: AppRecord, dynos: readonly LiveDyno[], turn: number): Choice {
  if (app.maintenance) return {kind: 'error', code: 'H80'}
  if (!currentSlug(app)) return {kind: 'error', code: 'H81'}
  const wanted = app.formation.find(({type}) => type === 'web')?.quantity ?? 0
  if (wanted === 0) return {kind: 'error', code: 'H14'}

  const web = dynos.filter(({type}) => type === 'web')
  const up = web.filter(({state, dyno}) => state === 'up' && dyno?.address)
  const live = up[turn % Math.max(up.length, 1)]
  if (live?.dyno?.address) return {kind: 'dyno', live, address: live.dyno.address}
  return web.length > 0 && web.every(({state}) => state === 'crashed') ? {kind: 'error', code: 'H10'} : {kind: 'wait'}
}
