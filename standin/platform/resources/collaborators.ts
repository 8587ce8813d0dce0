import type {Context} from '../context.ts'
import {notFound} from '../http/errors.ts'
import type {Route} from '../http/route.ts'
import {ok} from '../http/route.ts'
import {appRoute} from './find-app.ts'

/** What `heroku apps:info` asks besides: apps here have one collaborator, no add-ons and no pipeline. Schema: collaborator. */
export function collaboratorRoutes(context: Context): Route[] {
  const {id, email} = context.store.state.account
  return [
    appRoute(context, 'GET', '/collaborators', app => ok([{
      id: app.id, app: {id: app.id, name: app.name}, created_at: app.createdAt, updated_at: app.updatedAt,
      role: app.settings.permission === 'owner' ? 'owner' : 'collaborator', user: {id, email, federated: false},
      permissions: (app.settings.permission === 'owner' ? ['deploy', 'manage', 'operate', 'view'] : ['view']).map(name => ({name, description: name})),
    }])),
    appRoute(context, 'GET', '/addons', () => ok([])),
    appRoute(context, 'GET', '/addon-attachments', () => ok([])),
    appRoute(context, 'GET', '/pipeline-couplings', () => {
      throw notFound('pipeline_coupling')
    }),
  ]
}
