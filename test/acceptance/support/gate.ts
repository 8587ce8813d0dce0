import {once} from 'node:events'
import {createServer, type ServerResponse} from 'node:http'
import type {AddressInfo} from 'node:net'

/** A place on loopback where a builder waits until the test lets it go on: no clock decides how far a build has come. */
export class Gate implements AsyncDisposable {
  readonly #server = createServer((_, response) => {
    this.#arrive(response)
  })

  readonly #waiting: ServerResponse[] = []
  readonly #arrived = Promise.withResolvers<undefined>()
  #open = false

  static async build(): Promise<Gate> {
    const gate = new Gate()
    gate.#server.listen(0, '127.0.0.1')
    await once(gate.#server, 'listening')
    return gate
  }

  /** what a builder fetches */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`
  }

  /** Somebody waits at the gate. */
  get arrived(): Promise<undefined> {
    return this.#arrived.promise
  }

  open(): void {
    this.#open = true
    for (const response of this.#waiting.splice(0)) response.end('open')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.open()
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  #arrive(response: ServerResponse): void {
    if (this.#open) response.end('open')
    else this.#waiting.push(response)
    this.#arrived.resolve(undefined)
  }
}
