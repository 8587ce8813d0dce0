import {createServer} from 'node:http'
import type {IncomingMessage, Server, ServerResponse} from 'node:http'
import type {AddressInfo} from 'node:net'
import type {FaultProxy} from './contract.ts'
import {Faults} from './faults.ts'
import {forward} from './forward.ts'

/**
 * Starts an HTTP proxy on 127.0.0.1 in front of an S3 endpoint, which can be told to fail. Clients sign for the
 * proxy's address; the Host header passes unchanged, so signatures stay valid.
 * @param options.target the endpoint's URL
 */
export async function startFaultProxy({target}: {target: string}): Promise<FaultProxy> {
  const faults = new Faults()
  const listener = (expectsContinue: boolean) => (request: IncomingMessage, response: ServerResponse) =>
    void handle({request, response, expectsContinue, target: new URL(target), faults})
  const server = createServer(listener(false))
  server.on('checkContinue', listener(true))
  server.requestTimeout = 0
  await listen(server, 0)
  const {port} = server.address() as AddressInfo

  const setDown = async (down: boolean) => {
    if (down && server.listening) {
      await stop(server)
    } else if (!down && !server.listening) {
      await listen(server, port)
    }
  }

  return {
    endpoint: `http://127.0.0.1:${port}`,
    inject: fault => faults.add(fault),
    setDown,
    clear: async () => {
      faults.clear()
      await setDown(false)
    },
    close: async () => {
      await setDown(true)
      faults.clear()
    },
  }
}

interface Handling {
  request: IncomingMessage
  response: ServerResponse
  expectsContinue: boolean
  target: URL
  faults: Faults
}

async function handle({request, response, expectsContinue, target, faults}: Handling): Promise<void> {
  // A request that broke off has lost its socket by the time we hear of it.
  const {socket} = request
  const effect = faults.take(request.method ?? '', request.url ?? '')
  if (effect?.kind === 'status') {
    // A client told no before it sent its body may not use the connection for another request.
    response.writeHead(effect.status, {...effect.headers, ...(expectsContinue ? {connection: 'close'} : {})})
    response.end(request.method === 'HEAD' ? undefined : effect.body)
    request.resume()
    return
  }

  if (effect?.kind === 'stall') {
    await faults.stallEnded
  }

  try {
    await forward({request, response, target, effect})
  } catch {
    // Whichever side broke, or was meant to: the client sees a reset, as it would without a proxy.
    socket.resetAndDestroy()
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function stop(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
