import {createReadStream, existsSync, mkdirSync, openSync, closeSync, writeSync} from 'node:fs'
import {once} from 'node:events'
import type {ServerResponse} from 'node:http'
import {EventEmitter} from 'node:events'
import {join} from 'node:path'
import {notFound} from '../http/errors.ts'

/** Outputs that are read from their start while they are still written: a release phase's, a build's. They stay in files. */
export class Streams {
  readonly #dir: string
  readonly #open = new Map<string, EventEmitter<{more: []}>>()

  constructor(dir: string) {
    mkdirSync(dir, {recursive: true})
    this.#dir = dir
  }

  /** Begins a stream under a secret name; whoever knows the name may read it. */
  create(name: string): {write(chunk: Buffer): void; end(): void} {
    const file = openSync(join(this.#dir, name), 'wx', 0o600)
    const changes = new EventEmitter<{more: []}>()
    // Any number of clients may follow one release.
    changes.setMaxListeners(0)
    this.#open.set(name, changes)
    return {
      write(chunk) {
        writeSync(file, chunk)
        changes.emit('more')
      },
      end: () => {
        closeSync(file)
        this.#open.delete(name)
        changes.emit('more')
      },
    }
  }

  /** Sends what there is and what comes, until the stream ends. `range`: the header of a client that goes on where it was, `bytes=N-`. */
  async send(name: string, range: string | undefined, response: ServerResponse): Promise<void> {
    const file = join(this.#dir, name)
    if (!/^[0-9a-f]+$/.test(name) || !existsSync(file)) throw notFound('stream')
    const from = /^bytes=(\d+)-$/.exec(range ?? '')?.[1]
    response.writeHead(from === undefined ? 200 : 206, {'Content-Type': 'text/plain; charset=utf-8'})
    response.flushHeaders()

    const left = new AbortController()
    response.once('close', () => left.abort())
    for await (const chunk of this.read(name, Number(from ?? 0), left.signal)) {
      if (!response.write(chunk)) await once(response, 'drain', {signal: left.signal}).catch(() => null)
    }

    response.end()
  }

  /** What there is and what comes, until the stream ends or the signal is given. */
  async* read(name: string, from = 0, signal = new AbortController().signal): AsyncGenerator<Buffer> {
    for (let position = from; !signal.aborted;) {
      const changes = this.#open.get(name)
      // Listening begins before reading, so that nothing written in between goes unnoticed.
      const more = changes ? once(changes, 'more', {signal}).catch(() => null) : null
      for await (const chunk of createReadStream(join(this.#dir, name), {start: position}) as AsyncIterable<Buffer>) {
        position += chunk.length
        yield chunk
      }

      if (!more) break
      await more
    }
  }
}
