import {findSlug} from '../../state/apps.ts'
import type {AppRecord, ReleaseRecord} from '../../state/model.ts'
import type {Context} from '../context.ts'
import {Body} from '../http/body.ts'
import {invalid, notFound} from '../http/errors.ts'
import {page} from '../http/paging.ts'
import type {Answer, RawRoute, Route} from '../http/route.ts'
import {created, ok} from '../http/route.ts'
import {appRoute} from './find-app.ts'

/** Schema: release. */
export function releaseRoutes(context: Context): Route[] {
  return [
    appRoute(context, 'GET', '/releases', (app, {headers}) =>
      page(app.releases.map(release => view(context, app, release)), headers.range, ['version', 'id'])),
    appRoute(context, 'GET', '/releases/{release}', (app, {params}) => ok(view(context, app, findRelease(app, params['release'] ?? '')))),
    appRoute(context, 'POST', '/releases', (app, {body}) => create(context, app, body)),
  ]
}

/** Output of release phases and builds, behind URLs that nobody can guess. */
export function streamRoutes({streams}: Context): RawRoute[] {
  return [{
    method: 'GET', pattern: '/streams/{name}',
    async handle({params: {name = ''}, request, response}) {
      await streams.send(name, request.headers.range, response)
      return null
    },
  }]
}

/** By id or version, `5` or `v5`. @throws ApiError 404 */
export function findRelease(app: AppRecord, given: string): ReleaseRecord {
  const release = app.releases.find(({id, version}) => id === given || `${version}` === given.replace(/^v/, ''))
  if (!release) throw notFound('release')
  return release
}

async function create(context: Context, app: AppRecord, given: unknown): Promise<Answer> {
  const body = new Body(given, ['description', 'oci_image', 'release', 'slug'])
  if (body.string('oci_image') !== null) throw invalid('The stand-in does not release images.')
  const from = body.string('release')
  if (from !== null) return created(view(context, app, rollBack(context, app, findRelease(app, from))))

  const slug = findSlug(app, body.required('slug', body.string('slug')))
  if (!slug) throw notFound('slug')
  await context.releases.checkSlug(slug)
  const description = body.string('description') ?? `Deploy ${slug.commit?.slice(0, 8) ?? ''}`.trim()
  return created(view(context, app, context.releases.create(app, {description, slugId: slug.id})))
}

/** A new release of an old one's slug and config vars. devcenter.heroku.com/articles/releases#rollback */
function rollBack({releases}: Context, app: AppRecord, old: ReleaseRecord): ReleaseRecord {
  if (!canRollBackTo(app, old)) throw invalid(`Cannot roll back to v${old.version}: ${old.status === 'succeeded' ? 'it has no slug' : `it is ${old.status}`}.`)
  app.config = {...old.config}
  return releases.create(app, {description: `Rollback to v${old.version}`, slugId: old.slugId})
}

function canRollBackTo(app: AppRecord, {status, slugId}: ReleaseRecord): boolean {
  return status === 'succeeded' && findSlug(app, slugId) !== null
}

function view({store, apiUrl}: Context, app: AppRecord, release: ReleaseRecord) {
  const {id, email} = store.state.account
  const slug = release.slugId === null ? null : {id: release.slugId}
  return {
    id: release.id, version: release.version, description: release.description, status: release.status, current: release.current,
    app: {id: app.id, name: app.name}, addon_plan_names: [], artifacts: slug ? [{type: 'slug', id: slug.id}] : [], slug, oci_image: null,
    user: {id, email}, eligible_for_rollback: canRollBackTo(app, release), created_at: release.createdAt, updated_at: release.updatedAt,
    output_stream_url: release.outputStream === null ? null : `${apiUrl()}/streams/${release.outputStream}`,
  }
}
