import type {AppRecord} from '../../state/model.ts'
import type {Context} from '../context.ts'
import {Body} from '../http/body.ts'
import {invalid} from '../http/errors.ts'
import type {Answer, Route} from '../http/route.ts'
import {ok} from '../http/route.ts'
import {appRoute} from './find-app.ts'

const REGISTRY = 'urn:buildpack:'

/** Schema: buildpack-installation. */
export function buildpackRoutes(context: Context): Route[] {
  return [
    appRoute(context, 'GET', '/buildpack-installations', app => ok(view(app))),
    appRoute(context, 'PUT', '/buildpack-installations', (app, {body}) => replace(context, app, body)),
  ]
}

function replace({store}: Context, app: AppRecord, given: unknown): Answer {
  const updates = new Body(given, ['updates']).list('updates').map(update => {
    const body = new Body(update, ['buildpack'])
    return toUrl(body.required('buildpack', body.string('buildpack')))
  })
  const twice = updates.find((url, index) => updates.indexOf(url) !== index)
  if (twice !== undefined) throw invalid(`Buildpack ${twice} is given twice.`)
  app.buildpacks = updates
  store.save()
  return ok(view(app))
}

/** Names of the registry (`heroku/nodejs`) become URNs, as on Heroku. @throws ApiError 422 */
export function toUrl(given: string): string {
  if (/^[\w-]+\/[\w-]+$/.test(given)) return `${REGISTRY}${given}`
  if (given.startsWith(REGISTRY) || /^(https?|git|ssh|file):\/\/\S+$/.test(given)) return given
  throw invalid(`Buildpack ${given} is neither a URL nor a name of the registry.`)
}

function view({buildpacks}: AppRecord) {
  return buildpacks.map((url, ordinal) => ({ordinal, buildpack: {url, name: url.startsWith(REGISTRY) ? url.slice(REGISTRY.length) : url}}))
}
