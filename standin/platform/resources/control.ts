import type {RequestEffect} from '../../faults/faults.ts'
import type {AppRecord, AppSettings} from '../../state/model.ts'
import type {Context} from '../context.ts'
import {Body} from '../http/body.ts'
import {invalid} from '../http/errors.ts'
import type {Answer, Route} from '../http/route.ts'
import {accepted, created, ok} from '../http/route.ts'
import {findApp} from './find-app.ts'
import {chooseStack, DEFAULT_STACK} from './stacks.ts'

const MANY = Number.MAX_SAFE_INTEGER
const DURATIONS = ['bootTimeoutMs', 'graceMs', 'cycleMs', 'requestTimeoutMs', 'bootQueueMs', 'attachTimeoutMs', 'coolOffMs', 'slugUrlMs', 'buildTimeoutMs'] as const
const APP_FIELDS = [
  ...DURATIONS, 'buildSlugLimit', 'delinquent', 'dynosWithoutSlug', 'generation', 'memoryQuota', 'oneOffLimit', 'performanceAllowed', 'permission', 'region', 'space', 'stack', 'tier',
]

/** The stand-in's own routes: what tests ask for that Heroku would not give them. docs: standin/README.md */
export function controlRoutes(context: Context): Route[] {
  const {faults, journal, rateLimit, dynos} = context
  return [
    {method: 'PATCH', pattern: '/standin/apps/{app}', handle: ({params, body}) => changeApp(context, findApp(context, params), body)},
    {
      method: 'POST', pattern: '/standin/apps/{app}/dynos/{dyno}/kill',
      handle({params}) {
        dynos.find(findApp(context, params), params['dyno'] ?? '').dyno?.kill()
        return accepted()
      },
    },
    {method: 'POST', pattern: '/standin/faults', handle: ({body}) => addFault(context, body)},
    {method: 'GET', pattern: '/standin/faults', handle: () => ok(faults.pending)},
    {
      method: 'DELETE', pattern: '/standin/faults',
      handle() {
        faults.clear()
        return ok({})
      },
    },
    {method: 'GET', pattern: '/standin/requests', handle: () => ok(journal.entries)},
    {
      method: 'DELETE', pattern: '/standin/requests',
      handle() {
        journal.clear()
        return ok({})
      },
    },
    {
      method: 'PATCH', pattern: '/standin/settings',
      handle({body}) {
        rateLimit.remaining = new Body(body, ['rateLimitRemaining']).integer('rateLimitRemaining', 0, MANY) ?? rateLimit.remaining
        return ok({rateLimitRemaining: rateLimit.remaining})
      },
    },
  ]
}

function changeApp({store, source, builds}: Context, app: AppRecord, changes: unknown): Answer {
  const body = new Body(changes, APP_FIELDS)
  const {settings} = app
  const changed: AppSettings = {
    ...settings,
    ...Object.fromEntries(DURATIONS.map(name => [name, body.integer(name, 0, MANY) ?? settings[name]])),
    delinquent: body.boolean('delinquent') ?? settings.delinquent,
    dynosWithoutSlug: body.oneOf('dynosWithoutSlug', ['start', 'refuse']) ?? settings.dynosWithoutSlug,
    buildSlugLimit: body.integer('buildSlugLimit', 1, MANY) ?? settings.buildSlugLimit,
    memoryQuota: body.has('memoryQuota') ? body.integer('memoryQuota', 1, MANY) : settings.memoryQuota,
    oneOffLimit: body.has('oneOffLimit') ? body.integer('oneOffLimit', 0, MANY) : settings.oneOffLimit,
    performanceAllowed: body.boolean('performanceAllowed') ?? settings.performanceAllowed,
    permission: body.oneOf('permission', ['owner', 'view']) ?? settings.permission,
    tier: body.oneOf('tier', ['eco', 'basic', 'production']) ?? settings.tier,
  }
  const generation = body.oneOf('generation', ['cedar', 'fir']) ?? app.generation
  const given = body.string('stack') ?? (generation === app.generation ? null : {fir: 'cnb', cedar: DEFAULT_STACK}[generation])
  const stacks = given === null ? {stack: app.stack, buildStack: app.buildStack} : {stack: chooseStack(given), buildStack: chooseStack(given)}
  const space = body.has('space') ? readSpace(body, source.uuid()) : app.space
  Object.assign(app, {
    ...stacks, generation, space, region: body.string('region') ?? app.region, settings: changed,
  })
  store.save()
  builds.limitChanged(app)
  return ok({...stacks, generation, space, region: app.region, ...changed})
}

function readSpace(given: Body, id: string): AppRecord['space'] {
  const space = given.value('space')
  if (space === null) return null
  const body = new Body(space, ['name', 'shield'])
  return {id, name: body.required('name', body.string('name')), shield: body.boolean('shield') ?? false}
}

function addFault({faults}: Context, given: unknown): Answer {
  const body = new Body(given, ['afterMs', 'app', 'count', 'dyno', 'id', 'kind', 'line', 'message', 'method', 'ms', 'retryAfter', 'route', 'status', 'when'])
  const kind = body.required('kind', body.oneOf('kind', ['status', 'reset', 'stall', 'kill-dyno']))
  const count = body.integer('count', 1, MANY) ?? 1
  if (kind === 'kill-dyno') {
    const line = body.string('line')
    const afterMs = body.integer('afterMs', 0, MANY)
    if ((line === null) === (afterMs === null)) throw invalid('A kill-dyno fault needs either line or afterMs.')
    faults.addDyno({
      app: body.string('app'), dyno: body.string('dyno'), count,
      when: line === null ? {kind: 'after', ms: afterMs ?? 0} : {kind: 'line', pattern: line},
    })
  } else {
    const method = body.required('method', body.string('method')).toUpperCase()
    faults.addRequest({method, route: body.required('route', body.string('route')), count, effect: readEffect(kind, body)})
  }

  return created(faults.pending)
}

function readEffect(kind: RequestEffect['kind'], body: Body): RequestEffect {
  switch (kind) {
    case 'status': return {
      kind, status: body.required('status', body.integer('status', 400, 599)),
      id: body.string('id'), message: body.string('message'), retryAfter: body.integer('retryAfter', 0, MANY),
    }
    case 'reset': return {kind, when: body.required('when', body.oneOf('when', ['before', 'after']))}
    case 'stall': return {kind, ms: body.integer('ms', 0, MANY)}
  }
}
