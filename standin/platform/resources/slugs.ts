import {findSlug, timestamp} from '../../state/apps.ts'
import type {AppRecord, SlugRecord} from '../../state/model.ts'
import type {Context} from '../context.ts'
import {Body} from '../http/body.ts'
import {invalid, notFound} from '../http/errors.ts'
import type {Answer, RawRoute, Route} from '../http/route.ts'
import {created, ok} from '../http/route.ts'
import type {BlobMethod, BlobRefusal} from '../services/signed-blobs.ts'
import {appRoute} from './find-app.ts'
import {reference} from './named-id.ts'
import {chooseStack} from './stacks.ts'

const CREATE_FIELDS = ['buildpack_provided_description', 'checksum', 'commit', 'commit_description', 'process_types', 'stack']

/** Schema: slug. */
export function slugRoutes(context: Context): Route[] {
  return [
    appRoute(context, 'POST', '/slugs', (app, {body}) => create(context, app, body)),
    appRoute(context, 'GET', '/slugs/{slug}', (app, {params}) => {
      const slug = findSlug(app, params['slug'] ?? '')
      if (!slug) throw notFound('slug')
      return ok(view(context, app, slug, 'GET'))
    }),
  ]
}

/** Where slugs' bytes are put and got, in place of Heroku's S3 bucket. */
export function blobRoutes(context: Context): RawRoute[] {
  const {store, slugs, source} = context
  const find = (file: string): SlugRecord | null => {
    const id = file.replace(/\.tgz$/, '')
    return store.state.apps.map(app => findSlug(app, id)).find(slug => slug !== null) ?? null
  }

  return [
    {
      method: 'PUT', pattern: '/blobs/{file}',
      async handle({params: {file = ''}, url, request}) {
        const slug = find(file)
        const refusal = slug ? slugs.check(request, 'PUT', slug.id, url.searchParams) : {status: 404, code: 'NoSuchKey'}
        if (refusal ?? !slug) return refuse(refusal)
        Object.assign(slug, await slugs.receive(slug.id, request), {updatedAt: timestamp(source.now())})
        store.save()
        return ok({})
      },
    },
    {
      method: 'GET', pattern: '/blobs/{file}',
      handle({params: {file = ''}, url, request, response}) {
        const slug = find(file)
        const refusal = slug?.size ? slugs.check(request, 'GET', slug.id, url.searchParams) : {status: 404, code: 'NoSuchKey'}
        if (refusal ?? !slug) return refuse(refusal)
        response.writeHead(200, {'Content-Type': 'application/gzip', 'Content-Length': slug.size ?? 0})
        slugs.read(slug.id).on('error', error => response.destroy(error)).pipe(response)
        return null
      },
    },
  ]
}

function refuse(refusal: BlobRefusal | null): Answer {
  const {status, code} = refusal ?? {status: 404, code: 'NoSuchKey'}
  return {status, body: {Code: code}, headers: {Connection: 'close'}}
}

function create(context: Context, app: AppRecord, given: unknown): Answer {
  const {store, source} = context
  const body = new Body(given, CREATE_FIELDS)
  const processTypes = body.required('process_types', body.map('process_types'))
  const bad = Object.keys(processTypes).find(type => !/^[-\w]{1,128}$/.test(type))
  if (bad !== undefined) throw invalid(`process_types is invalid: "${bad}" is no name of a process type.`)

  const stack = chooseStack(body.string('stack') ?? app.buildStack)
  if (stack === 'container' || stack === 'cnb' || app.generation === 'fir') {
    throw invalid(`Slugs cannot be created for ${app.generation === 'fir' ? 'Fir apps' : `stack ${stack}`}, which runs container images.`)
  }

  const checksum = body.string('checksum')
  if (checksum !== null && !/^SHA256:[0-9a-f]{64}$/i.test(checksum)) throw invalid('checksum is invalid, it must be SHA256: and 64 hex digits.')

  const at = timestamp(source.now())
  const slug: SlugRecord = {
    id: source.uuid(), createdAt: at, updatedAt: at, processTypes, stack, checksum,
    commit: body.string('commit'), commitDescription: body.string('commit_description'),
    buildpackDescription: body.string('buildpack_provided_description'), size: null, sha256: null,
  }
  app.slugs.push(slug)
  store.save()
  return created(view(context, app, slug, 'PUT'))
}

function view({slugs, apiUrl}: Context, app: AppRecord, slug: SlugRecord, method: BlobMethod) {
  return {
    id: slug.id, blob: {method: method.toLowerCase(), url: `${apiUrl()}${slugs.sign(method, slug.id, app.settings.slugUrlMs)}`},
    buildpack_provided_description: slug.buildpackDescription, checksum: slug.checksum, commit: slug.commit, commit_description: slug.commitDescription,
    process_types: slug.processTypes, size: slug.size, stack: reference('stack', slug.stack),
    created_at: slug.createdAt, updated_at: slug.updatedAt, deleted_at: null,
  }
}
