import {currentSlug} from '../../state/apps.ts'
import type {AppRecord} from '../../state/model.ts'
import type {Context} from '../context.ts'
import {Body} from '../http/body.ts'
import {ApiError, invalid} from '../http/errors.ts'
import {page} from '../http/paging.ts'
import type {Answer, Route} from '../http/route.ts'
import {accepted, created, ok} from '../http/route.ts'
import {findSize} from '../policy/dyno-sizes.ts'
import {checkOneOffLimit} from '../policy/one-off-limit.ts'
import {chooseSize} from '../policy/sizes-of-app.ts'
import type {LiveDyno} from '../services/live-dyno.ts'
import {defaultSize} from '../../state/apps.ts'
import {appRoute} from './find-app.ts'

const CREATE_FIELDS = ['attach', 'command', 'env', 'force_no_tty', 'size', 'time_to_live', 'type']
const DAY = 86_400

/** Schema: dyno. */
export function dynoRoutes(context: Context): Route[] {
  const {dynos} = context
  const all = () => true
  const named = (live: LiveDyno) => (other: LiveDyno) => other === live
  const ofType = (type: string | undefined) => (live: LiveDyno) => live.type === type
  return [
    appRoute(context, 'GET', '/dynos', (app, {headers}) => page(dynos.list(app).map(view), headers.range, ['name', 'id'])),
    appRoute(context, 'POST', '/dynos', (app, {body}) => create(context, app, body)),
    appRoute(context, 'GET', '/dynos/{dyno}', (app, {params}) => ok(view(dynos.find(app, params['dyno'] ?? '')))),
    appRoute(context, 'POST', '/dynos/{dyno}/actions/stop', (app, {params}) => stop(context, app, named(dynos.find(app, params['dyno'] ?? '')))),
    appRoute(context, 'DELETE', '/dynos/{dyno}', (app, {params}) => stop(context, app, named(dynos.find(app, params['dyno'] ?? '')))),
    appRoute(context, 'DELETE', '/dynos', app => stop(context, app, all)),
    appRoute(context, 'DELETE', '/formations/{type}', (app, {params}) => stop(context, app, ofType(params['type']))),
    appRoute(context, 'POST', '/formations/{type}/actions/stop', (app, {params}) => stop(context, app, ofType(params['type']))),
  ]
}

function stop({dynos}: Context, app: AppRecord, fits: (live: LiveDyno) => boolean): Answer {
  dynos.stop(app, fits)
  return accepted()
}

function create(context: Context, app: AppRecord, given: unknown): Answer {
  const {dynos, logs, store} = context
  const body = new Body(given, CREATE_FIELDS)
  const command = body.required('command', body.string('command'))
  if (command.trim() === '') throw invalid('command is invalid, it must not be empty.')
  const env = readEnv(body)
  const type = body.string('type') ?? 'run'
  if (!/^[-\w]{1,128}$/.test(type)) throw invalid(`type is invalid: "${type}" is no name of a process type.`)
  const timeToLive = body.integer('time_to_live', 1, DAY)
  const attach = body.boolean('attach') ?? false
  if (attach && app.space) throw invalid('The stand-in has no attached dynos in Private Spaces, which use SSH.')
  if (app.generation === 'fir' && attach) throw invalid('The stand-in has no attached dynos on Fir, which use SSH.')

  const size = chooseSize(app, body.string('size') ?? defaultSize(app))
  const sameFamily = dynos.oneOffs.list(app).filter(live => live.type !== 'release' && findSize(live.size)?.family === size.family)
  checkOneOffLimit(app, size, sameFamily.length)
  if (app.settings.dynosWithoutSlug === 'refuse' && !currentSlug(app)) {
    throw new ApiError(422, 'unprocessable_entity', `Cannot run a dyno on ${app.name}: no code has been deployed to it yet.`)
  }

  logs.of(app).add('app', 'api', `Starting process with command \`${command}\` by user ${store.state.account.email}`)
  const order = {
    type, command, env, size: size.name, timeToLiveMs: timeToLive === null ? null : timeToLive * 1000,
    terminal: attach && body.boolean('force_no_tty') !== true ? {columns: count(env['COLUMNS'], 80), rows: count(env['LINES'], 24)} : null,
  }
  return created(view(attach ? dynos.oneOffs.createAttached(app, order) : dynos.oneOffs.startDetached(app, order)))
}

/** The schema says strings; the CLI sends COLUMNS and LINES as numbers, and Heroku takes them. */
function readEnv(body: Body): Record<string, string> {
  const env = body.map('env', value => typeof value === 'number') ?? {}
  const bad = Object.keys(env).find(name => !/^\w+$/.test(name))
  if (bad !== undefined) throw invalid(`env is invalid: "${bad}" is no name of a variable.`)
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)]))
}

function count(text: string | undefined, otherwise: number): number {
  return text !== undefined && /^[1-9]\d{0,3}$/.test(text) ? Number(text) : otherwise
}

function view(live: LiveDyno) {
  return {
    id: live.id, name: live.name, type: live.type, command: live.command, size: live.size, state: live.state, attach_url: live.attachUrl,
    app: {id: live.app.id, name: live.app.name}, release: live.release, created_at: live.createdAt, updated_at: live.updatedAt,
  }
}
