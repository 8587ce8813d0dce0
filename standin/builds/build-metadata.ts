import {createGzip} from 'node:zlib'
import type {Context} from '../platform/context.ts'
import {ok, type RawRoute, type Route} from '../platform/http/route.ts'
import {appRoute} from '../platform/resources/find-app.ts'
import type {BlobMethod} from '../platform/services/signed-blobs.ts'

/** Schema: build-metadata. What its other URLs are for, nobody does here: the server says that it has no such route. */
export function buildMetadataRoutes(context: Context): Route[] {
  const {apiUrl, cacheUrls} = context
  return [
    appRoute(context, 'GET', '/build-metadata', ({id, name, settings}) => {
      const cache = (method: BlobMethod) => `${apiUrl()}${cacheUrls.sign(method, id, settings.slugUrlMs)}`
      const repo = `${apiUrl()}/repo-blobs/${id}.tgz`
      return ok({
        app: {id, name}, cache_get_url: cache('GET'), cache_put_url: cache('PUT'), cache_delete_url: cache('DELETE'),
        repo_get_url: repo, repo_put_url: repo, repo_delete_url: repo,
      })
    }),
  ]
}

/** Where caches' bytes are got, in place of Heroku's S3 bucket. */
export function cacheBlobRoutes({cacheUrls, caches}: Context): RawRoute[] {
  return [{
    method: 'GET', pattern: '/cache-blobs/{file}',
    handle({params: {file = ''}, url, request, response}) {
      const id = file.replace(/\.tgz$/, '')
      const refusal = cacheUrls.check(request, 'GET', id, url.searchParams)
      if (refusal) return {status: refusal.status, body: {Code: refusal.code}, headers: {Connection: 'close'}}
      const cache = caches.read(id)
      if (!cache) return {status: 404, body: {Code: 'NoSuchKey'}}
      response.writeHead(200, {'Content-Type': 'application/gzip'})
      cache.on('error', error => response.destroy(error)).pipe(createGzip()).pipe(response)
      return null
    },
  }]
}
