import type {Context} from '../platform/context.ts'
import {Body, record as asRecord} from '../platform/http/body.ts'
import {invalid} from '../platform/http/errors.ts'
import {page} from '../platform/http/paging.ts'
import type {Answer, Route} from '../platform/http/route.ts'
import {accepted, created, ok} from '../platform/http/route.ts'
import {toUrl} from '../platform/resources/buildpacks.ts'
import {appRoute} from '../platform/resources/find-app.ts'
import type {AppRecord, BuildRecord} from '../state/model.ts'
import {buildpackLabel} from './buildpack.ts'

/** Schema: build. */
export function buildRoutes(context: Context): Route[] {
  const {builds, caches} = context
  return [
    appRoute(context, 'POST', '/builds', (app, {body}) => create(context, app, body)),
    appRoute(context, 'GET', '/builds', (app, {headers}) => list(context, app, headers.range)),
    appRoute(context, 'GET', '/builds/{build}', (app, {params}) => ok(view(context, app, builds.find(app, params['build'] ?? '')))),
    appRoute(context, 'DELETE', '/builds/{build}', (app, {params}) => {
      const record = builds.find(app, params['build'] ?? '')
      builds.cancel(record)
      return {...accepted(), body: view(context, app, record)}
    }),
    appRoute(context, 'DELETE', '/build-cache', async app => {
      await caches.remove(app.id)
      return accepted()
    }),
  ]
}

function create(context: Context, app: AppRecord, given: unknown): Answer {
  const body = new Body(given, ['buildpacks', 'source_blob'])
  const blob = new Body(body.required('source_blob', body.has('source_blob') ? body.value('source_blob') : null), ['checksum', 'url', 'version', 'version_description'])
  const sourceUrl = blob.required('url', blob.string('url'))
  if (!/^https?:$/.test(URL.parse(sourceUrl)?.protocol ?? '')) throw invalid('source_blob is invalid, its url must be a URL of http or https.')
  const checksum = blob.string('checksum')
  if (checksum !== null && !/^SHA256:[0-9a-f]{64}$/i.test(checksum)) throw invalid('checksum is invalid, it must be SHA256: and 64 hex digits.')
  if (app.generation === 'fir' || app.buildStack === 'container' || app.buildStack === 'cnb') {
    throw invalid(`The stand-in does not build images, which ${app.name} runs.`)
  }

  const {record} = context.builds.start(app, {
    sourceUrl, checksum, version: blob.string('version'), versionDescription: blob.string('version_description'),
    buildpacks: body.has('buildpacks') ? body.list('buildpacks').map(readBuildpack) : null, file: null,
  })
  return created(view(context, app, record))
}

function readBuildpack(given: unknown): string {
  const body = new Body(asRecord(given, 'A buildpack'), ['name', 'url'])
  return toUrl(body.required('url', body.string('url') ?? body.string('name')))
}

/** The schema names the field by which builds are sorted `started_at`, and shows it as `created_at`. */
function list(context: Context, app: AppRecord, range: string | undefined): Answer {
  return page(app.builds.map(record => view(context, app, record)), range?.replace(/^started_at\b/, 'created_at'), ['created_at', 'id'])
}

function view({store, apiUrl}: Context, app: AppRecord, record: BuildRecord) {
  const {id, email} = store.state.account
  return {
    id: record.id, app: {id: app.id}, status: record.status, stack: record.stack, labs: {},
    buildpacks: record.buildpacks.map(url => ({url, name: buildpackLabel(url)})),
    source_blob: {url: record.sourceUrl, version: record.version, version_description: record.versionDescription, checksum: record.checksum},
    output_stream_url: `${apiUrl()}/streams/${record.outputStream}`,
    release: record.releaseId === null ? null : {id: record.releaseId}, slug: record.slugId === null ? null : {id: record.slugId},
    user: {id, email}, created_at: record.createdAt, updated_at: record.updatedAt,
  }
}
