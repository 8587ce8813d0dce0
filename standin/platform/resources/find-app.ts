import type {AppRecord} from '../../state/model.ts'
import type {Context} from '../context.ts'
import {notFound} from '../http/errors.ts'
import type {Call, Route} from '../http/route.ts'
import type {Answer} from '../http/route.ts'
import {checkAccess} from '../policy/access.ts'

/** The app that `{app}` names by its name or id. @throws ApiError 404 */
export function findApp({store}: Pick<Context, 'store'>, params: Readonly<Record<string, string>>): AppRecord {
  const app = store.state.apps.find(({id, name}) => id === params['app'] || name === params['app'])
  if (!app) throw notFound('app')
  return app
}

/** A route below `/apps/{app}`, which looks the app up and checks what the token's owner may do with it. */
export function appRoute(
  context: Context, method: string, below: string, handle: (app: AppRecord, call: Call) => Answer | Promise<Answer>,
): Route {
  return {
    method,
    pattern: `/apps/{app}${below}`,
    handle(call) {
      const app = findApp(context, call.params)
      checkAccess(app, method, below)
      return handle(app, call)
    },
  }
}
