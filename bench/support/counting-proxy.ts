import {once} from 'node:events'
import {createServer, request as send, type IncomingMessage, type ServerResponse} from 'node:http'
import type {AddressInfo} from 'node:net'

/** An HTTP proxy on loopback that counts what is fetched through it. */
export interface CountingProxy extends AsyncDisposable {
  endpoint: string
  /** bytes of bodies so far, by path and query */
  fetched: ReadonlyMap<string, number>
}

/** @param target an S3 endpoint; the Host header passes unchanged, so signatures for the proxy's address stay valid */
export async function startCountingProxy(target: string): Promise<CountingProxy> {
  const {hostname, port} = new URL(target)
  const fetched = new Map<string, number>()
  const pass = (request: IncomingMessage, response: ServerResponse) => {
    const {method, url = ''} = request
    const upstream = send({host: hostname, port, method, path: url, headers: request.rawHeaders, setHost: false}, answer => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      answer.on('data', (chunk: Buffer) => fetched.set(url, (fetched.get(url) ?? 0) + chunk.length))
      answer.pipe(response)
    })
    upstream.on('error', () => response.destroy())
    request.pipe(upstream)
  }

  const server = createServer(pass).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, fetched,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
