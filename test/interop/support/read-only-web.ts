import {once} from 'node:events'
import {createServer} from 'node:http'
import type {AddressInfo} from 'node:net'
import {pipeline} from 'node:stream/promises'
import type {Bucket} from '../../../src/lib/bucket/bucket.ts'

/** A bucket whose owner lets everybody read, as its web address shows it: plain HTTP, without signatures. */
export async function readOnlyWeb(bucket: Pick<Bucket, 'stream'>): Promise<{url: string; close: () => Promise<void>}> {
  const server = createServer((request, response) => {
    answer(decodeURIComponent((request.url ?? '').slice(1)), request.method === 'HEAD').catch(() => response.destroy())

    async function answer(key: string, isHead: boolean): Promise<void> {
      const object = await bucket.stream(key)
      if (!object) {
        response.writeHead(404).end()
        return
      }

      response.writeHead(200, {'content-length': object.size})
      if (isHead) {
        object.body.destroy()
        response.end()
      } else await pipeline(object.body, response)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
