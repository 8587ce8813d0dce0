import {createServer} from 'node:http'
import type {IncomingMessage, Server, ServerResponse} from 'node:http'
import {once} from 'node:events'
import type {AddressInfo} from 'node:net'
import type {Logs} from '../logs/logs.ts'
import type {Formations} from '../platform/services/formations.ts'
import type {Source} from '../state/apps.ts'
import type {AppRecord} from '../state/model.ts'
import type {Choice} from './choose-dyno.ts'
import {chooseDyno} from './choose-dyno.ts'
import type {RouterCode} from './errors.ts'
import {errorPage} from './errors.ts'
import {forward} from './forward.ts'
import {formatRequest} from './request-log.ts'

export interface RouterContext {
  formations: Formations
  logs: Logs
  source: Source
}

/** One app's door: a port on loopback behind which its web dynos are. */
export class AppRouter {
  readonly #server: Server
  readonly #app: AppRecord
  readonly #context: RouterContext
  #turn = 0

  constructor(app: AppRecord, context: RouterContext) {
    this.#app = app
    this.#context = context
    this.#server = createServer({requestTimeout: 0}, (request, response) => {
      void this.#serve(request, response)
    })
  }

  /** Listens on that port, or on one of the kernel's choice where it is null or taken. @returns the port */
  async listen(port: number | null): Promise<number> {
    const listening = once(this.#server, 'listening')
    this.#server.listen(port ?? 0, '127.0.0.1')
    try {
      await listening
    } catch (error) {
      if (port === null || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      return this.listen(null)
    }

    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const {source, logs} = this.#context
    const given = request.headers['x-request-id']
    const requestId = typeof given === 'string' && /^[\w-]{20,200}$/.test(given) ? given : source.uuid()
    const began = source.now().getTime()
    const choice = await this.#choose(response)
    const result = choice.kind === 'dyno'
      ? await forward(request, response, {address: choice.address, requestId, timeoutMs: this.#app.settings.requestTimeoutMs, now: () => source.now()})
      : {code: choice.code, status: 503, connect: null, service: choice.code === 'H20' ? source.now().getTime() - began : null, bytes: null}
    if (result.code !== null && !response.headersSent && !response.destroyed) {
      response.writeHead(503, {'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-cache, no-store', Connection: 'close'})
      response.end(errorPage(result.code))
    }

    logs.of(this.#app).add('heroku', 'router', formatRequest({
      ...result, method: request.method ?? '', path: request.url ?? '', host: request.headers.host ?? '', requestId,
      fwd: request.socket.remoteAddress ?? '', dyno: choice.kind === 'dyno' ? choice.live.name : null,
    }))
  }

  /** Waits while dynos start, for as long as Heroku's router does. */
  #choose(response: ServerResponse): Promise<Exclude<Choice, {kind: 'wait'}>> {
    const {formations} = this.#context
    const turn = this.#turn++
    return new Promise(resolve => {
      const settle = (choice: Exclude<Choice, {kind: 'wait'}>) => {
        clearTimeout(timer)
        stop()
        resolve(choice)
      }

      const fail = (code: RouterCode) => settle({kind: 'error', code})
      const look = () => {
        const choice = chooseDyno(this.#app, formations.list(this.#app), turn)
        if (choice.kind !== 'wait') settle(choice)
      }

      const timer = setTimeout(() => fail('H20'), this.#app.settings.bootQueueMs)
      const stop = formations.onChange(this.#app, look)
      response.once('close', () => fail('H27'))
      look()
    })
  }
}
