import {randomBytes} from 'node:crypto'
import {once} from 'node:events'
import type {IncomingMessage, Server, ServerResponse} from 'node:http'
import {createServer} from 'node:http'
import type {AddressInfo} from 'node:net'
import {json} from 'node:stream/consumers'
import type {AppRecord} from '../state/model.ts'

export interface RefUpdate {
  /** commits; 40 zeros: none */
  from: string
  to: string
  /** `refs/heads/main` */
  ref: string
}

export interface Push {
  repository: string
  updates: RefUpdate[]
  /** environment in which git finds the pushed objects */
  quarantine: Record<string, string>
  tell: (text: string) => void
}

export type Receive = (app: AppRecord, push: Push) => Promise<'accepted' | 'rejected'>

interface Expected {
  app: AppRecord
  repository: string
}

/** Where hooks call, on a port of its own: not a part of the API, and not in its journal. Each push has a secret that is good for one call. */
export class HookServer {
  readonly #server: Server
  readonly #expected = new Map<string, Expected>()
  readonly #receive: Receive
  readonly #complain: (message: string) => void

  private constructor(receive: Receive, complain: (message: string) => void) {
    this.#receive = receive
    this.#complain = complain
    this.#server = createServer({requestTimeout: 0}, (request, response) => void this.#serve(request, response))
  }

  static async start(receive: Receive, complain: (message: string) => void): Promise<HookServer> {
    const hooks = new HookServer(receive, complain)
    hooks.#server.listen(0, '127.0.0.1')
    await once(hooks.#server, 'listening')
    return hooks
  }

  expect(push: Expected): {url: string; forget: () => void} {
    const secret = randomBytes(24).toString('hex')
    this.#expected.set(secret, push)
    return {
      url: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${secret}`,
      forget: () => this.#expected.delete(secret),
    }
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const secret = (request.url ?? '').slice(1)
    const expected = this.#expected.get(secret)
    this.#expected.delete(secret)
    if (!expected) {
      response.writeHead(404).end()
      return
    }

    // The client may leave while its push is built; the build goes on, as on Heroku.
    response.on('error', () => undefined)
    response.writeHead(200, {'Content-Type': 'text/plain; charset=utf-8', Trailer: 'X-Verdict'})
    let verdict: 'accepted' | 'rejected' = 'rejected'
    try {
      const {updates, quarantine} = await json(request) as {updates: string; quarantine: Record<string, string>}
      verdict = await this.#receive(expected.app, {
        repository: expected.repository, updates: parseUpdates(updates), quarantine, tell: text => response.write(text),
      })
    } catch (error) {
      this.#complain(`A push to ${expected.app.name} broke: ${(error as Error).stack ?? String(error)}`)
      response.write('!\tThe stand-in failed; its standard error says why.\n')
    }

    response.addTrailers({'X-Verdict': verdict})
    response.end()
  }
}

/** What githooks(5) says that pre-receive reads. */
export function parseUpdates(text: string): RefUpdate[] {
  return text.split('\n').filter(line => line !== '').map(line => {
    const [from = '', to = '', ref = ''] = line.split(' ')
    return {from, to, ref}
  })
}
