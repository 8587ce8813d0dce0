import {existsSync, statSync} from 'node:fs'
import type {Context} from '../platform/context.ts'
import {checkAccess} from '../platform/policy/access.ts'
import {findApp} from '../platform/resources/find-app.ts'
import type {Answer, RawRoute, Route} from '../platform/http/route.ts'
import {created, ok} from '../platform/http/route.ts'

/** As Heroku's: devcenter.heroku.com/articles/build-and-release-using-the-api#sources-endpoint */
const VALID_MS = 60 * 60_000

/** Schema: source. */
export function sourceRoutes(context: Context): Route[] {
  const {sources, source, apiUrl} = context
  const create = (): Answer => {
    const id = source.uuid()
    return created({
      source_blob: {get_url: `${apiUrl()}${sources.sign('GET', id, VALID_MS)}`, put_url: `${apiUrl()}${sources.sign('PUT', id, VALID_MS)}`},
    })
  }

  return [
    {method: 'POST', pattern: '/sources', handle: create},
    {
      method: 'POST', pattern: '/apps/{app}/sources',
      handle({params}) {
        checkAccess(findApp(context, params), 'POST', '/sources')
        return create()
      },
    },
  ]
}

/** Where sources' bytes are put and got, in place of Heroku's S3 bucket. */
export function sourceBlobRoutes({sources}: Context): RawRoute[] {
  const pattern = '/source-blobs/{file}'
  return [
    {
      method: 'PUT', pattern,
      async handle({params: {file = ''}, url, request}) {
        const id = file.replace(/\.tgz$/, '')
        const refusal = sources.check(request, 'PUT', id, url.searchParams)
        if (refusal) return {status: refusal.status, body: {Code: refusal.code}, headers: {Connection: 'close'}}
        await sources.receive(id, request)
        return ok({})
      },
    },
    {
      method: 'GET', pattern,
      handle({params: {file = ''}, url, request, response}) {
        const id = file.replace(/\.tgz$/, '')
        const refusal = sources.check(request, 'GET', id, url.searchParams)
        if (refusal) return {status: refusal.status, body: {Code: refusal.code}, headers: {Connection: 'close'}}
        if (!existsSync(sources.file(id))) return {status: 404, body: {Code: 'NoSuchKey'}}
        response.writeHead(200, {'Content-Type': 'application/gzip', 'Content-Length': statSync(sources.file(id)).size})
        sources.read(id).on('error', error => response.destroy(error)).pipe(response)
        return null
      },
    },
  ]
}
