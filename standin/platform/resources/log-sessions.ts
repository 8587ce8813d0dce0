import {sendLog} from '../../logs/log-session.ts'
import {timestamp} from '../../state/apps.ts'
import type {Context} from '../context.ts'
import {Body} from '../http/body.ts'
import {ApiError} from '../http/errors.ts'
import type {RawRoute, Route} from '../http/route.ts'
import {created} from '../http/route.ts'
import {appRoute} from './find-app.ts'

const DEFAULT_LINES = 100
const MOST_LINES = 1500
/** A session that nobody opened in so long is gone. */
const SESSION_MS = 5 * 60_000

/** Schema: log-session. */
export function logSessionRoutes(context: Context): Route[] {
  const {logs, logSessions, source, apiUrl} = context
  return [appRoute(context, 'POST', '/log-sessions', (app, {body: given}) => {
    const body = new Body(given, ['dyno', 'lines', 'source', 'tail', 'type'])
    const secret = source.secret(16)
    const now = source.now()
    for (const [name, session] of logSessions) if (session.expires <= now) logSessions.delete(name)
    logSessions.set(secret, {
      log: logs.of(app), filter: {source: body.string('source'), dyno: body.string('dyno') ?? body.string('type')},
      lines: body.integer('lines', 0, Number.MAX_SAFE_INTEGER) ?? DEFAULT_LINES, tail: body.boolean('tail') ?? false,
      expires: new Date(now.getTime() + SESSION_MS),
    })
    const at = timestamp(now)
    return created({id: source.uuid(), logplex_url: `${apiUrl()}/logs/${secret}`, created_at: at, updated_at: at})
  })]
}

/** The logs themselves, behind URLs that nobody can guess. */
export function logRoutes({logSessions, source}: Context): RawRoute[] {
  return [{
    method: 'GET', pattern: '/logs/{secret}',
    handle({params: {secret = ''}, request, response}) {
      const session = logSessions.get(secret)
      if (!session || session.expires <= source.now()) throw new ApiError(404, 'not_found', 'Couldn\'t find that log session.', {resource: 'log_session'})
      sendLog({...session, lines: Math.min(session.lines, MOST_LINES)}, request, response)
      return null
    },
  }]
}
