import {currentSlug, timestamp} from '../../state/apps.ts'
import type {AppRecord, FormationRecord} from '../../state/model.ts'
import type {Context} from '../context.ts'
import {Body} from '../http/body.ts'
import {ApiError, invalid} from '../http/errors.ts'
import type {Route} from '../http/route.ts'
import {ok} from '../http/route.ts'
import {chooseSize} from '../policy/sizes-of-app.ts'
import {appRoute} from './find-app.ts'
import {reference} from './named-id.ts'

/** devcenter.heroku.com/articles/limits#dynos */
const MOST_DYNOS = 100

/** Schema: formation. The schema has `dyno_size` in updates; the CLI sends `size`, and Heroku takes both. */
export function formationRoutes(context: Context): Route[] {
  return [
    appRoute(context, 'GET', '/formation', app => ok(app.formation.map(entry => view(app, entry)))),
    appRoute(context, 'GET', '/formation/{type}', (app, {params}) => ok(view(app, find(app, params['type'] ?? '')))),
    appRoute(context, 'PATCH', '/formation', (app, {body}) => {
      const changes = new Body(body, ['updates']).list('updates').map(update => plan(app, new Body(update, ['dyno_size', 'quantity', 'size', 'type']), null))
      return ok(apply(context, app, changes).map(entry => view(app, entry)))
    }),
    appRoute(context, 'PATCH', '/formation/{type}', (app, {params, body}) => {
      const change = plan(app, new Body(body, ['dyno_size', 'quantity', 'size']), params['type'] ?? '')
      apply(context, app, [change])
      return ok(view(app, change.entry))
    }),
  ]
}

interface Change {
  entry: FormationRecord
  quantity: number
  size: string
}

function find(app: AppRecord, given: string): FormationRecord {
  const entry = app.formation.find(({type, id}) => type === given || id === given)
  if (!entry) throw new ApiError(404, 'not_found', `Couldn't find that process type (${given}).`, {resource: 'formation'})
  return entry
}

function plan(app: AppRecord, body: Body, named: string | null): Change {
  const entry = find(app, named ?? body.required('type', body.string('type')))
  return {entry, quantity: readQuantity(body, entry.quantity), size: readSize(app, body, entry.size)}
}

/** A number, or `+1` and `-1` as `heroku ps:scale` sends them. */
function readQuantity(body: Body, now: number): number {
  const given = body.value('quantity') ?? now
  const quantity = typeof given === 'string' && /^[+-]\d+$/.test(given) ? now + Number(given) : typeof given === 'string' ? Number(given) : given
  if (typeof quantity !== 'number' || !Number.isInteger(quantity) || quantity < 0) throw invalid('quantity is invalid, it must be an integer from 0.')
  if (quantity > MOST_DYNOS) {
    throw new ApiError(422, 'cannot_update_above_limit', `Cannot update to more than ${MOST_DYNOS} dynos per process type.`, {limit: MOST_DYNOS})
  }

  return quantity
}

function readSize(app: AppRecord, body: Body, now: string): string {
  const dynoSize = body.has('dyno_size') ? new Body(body.value('dyno_size'), ['id', 'name']).string('name') : null
  const given = dynoSize ?? body.string('size')
  return given === null ? now : chooseSize(app, given).name
}

/** All of them or, where one is refused, none: they were checked before. */
function apply({store, source, dynos, logs}: Context, app: AppRecord, changes: Change[]): FormationRecord[] {
  for (const {entry, quantity, size} of changes) Object.assign(entry, {quantity, size, updatedAt: timestamp(source.now())})
  store.save()
  const shown = changes.map(({entry}) => `${entry.type}@${entry.quantity}:${entry.size}`).join(' ')
  logs.of(app).add('app', 'api', `Scaled to ${shown} by user ${store.state.account.email}`)
  dynos.formations.follow(app)
  return changes.map(({entry}) => entry)
}

function view(app: AppRecord, entry: FormationRecord) {
  return {
    id: entry.id, type: entry.type, quantity: entry.quantity, size: entry.size, dyno_size: reference('dyno-size', entry.size),
    app: {id: app.id, name: app.name}, command: currentSlug(app)?.processTypes[entry.type] ?? '',
    created_at: entry.createdAt, updated_at: entry.updatedAt,
  }
}
