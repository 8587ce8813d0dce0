import {newestSlugId} from '../../state/apps.ts'
import type {AppRecord} from '../../state/model.ts'
import type {Context} from '../context.ts'
import {stringMap} from '../http/body.ts'
import {invalid} from '../http/errors.ts'
import type {Answer, Route} from '../http/route.ts'
import {ok} from '../http/route.ts'
import {appRoute} from './find-app.ts'
import {findRelease} from './releases.ts'

/** devcenter.heroku.com/articles/config-vars#limits */
const LARGEST_CONFIG = 64 * 1024

/** Schema: config-var. */
export function configVarRoutes(context: Context): Route[] {
  return [
    appRoute(context, 'GET', '/config-vars', app => ok(app.config)),
    appRoute(context, 'PATCH', '/config-vars', (app, {body}) => change(context, app, body)),
    appRoute(context, 'GET', '/releases/{release}/config-vars', (app, {params}) => ok(findRelease(app, params['release'] ?? '').config)),
  ]
}

function change({releases}: Context, app: AppRecord, body: unknown): Answer {
  const changes = stringMap(body, 'Config vars', (value): value is null => value === null)
  const bad = Object.keys(changes).find(name => !/^[A-Za-z_]\w*$/.test(name))
  if (bad !== undefined) throw invalid(`Config var name "${bad}" is invalid: it may have letters, digits and _, and must not start with a digit.`)

  const config: Record<string, string> = {...app.config}
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) Reflect.deleteProperty(config, name)
    else config[name] = value
  }

  const size = Object.entries(config).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0)
  if (size > LARGEST_CONFIG) throw invalid(`Config vars of an app cannot be larger than 64 KB, these are ${size} bytes.`)
  if (Object.keys(changes).length === 0) return ok(app.config)

  app.config = config
  releases.create(app, {description: describe(changes), slugId: newestSlugId(app)})
  return ok(app.config)
}

function describe(changes: Record<string, string | null>): string {
  const list = (verb: string, names: string[]) => names.length > 0 ? [`${verb} ${names.join(', ')} config vars`] : []
  const entries = Object.entries(changes)
  return [
    ...list('Set', entries.filter(([, value]) => value !== null).map(([name]) => name)),
    ...list('Remove', entries.filter(([, value]) => value === null).map(([name]) => name)),
  ].join(', ')
}
