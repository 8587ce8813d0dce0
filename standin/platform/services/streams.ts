import {createReadStream, existsSync, mkdirSync, openSync, closeSync, writeSync} from 'node:fs'
import {once} from 'node:events'
import type {ServerResponse} from 'node:http'
import {EventEmitter} from 'node:events'
import {join} from 'node:path'
import {notFound} from '../http/errors.ts'

/** Outputs that are read from their start while they are still written: a release phase's. They stay in files. */
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

  /** Sends what there is and what comes, until the stream ends. */
  async send(name: string, response: ServerResponse): Promise<void> {
    const file = join(this.#dir, name)
    if (!/^[0-9a-f]+$/.test(name) || !existsSync(file)) throw notFound('stream')
    response.writeHead(200, {'Content-Type': 'text/plain; charset=utf-8'})
    response.flushHeaders()

    const left = new AbortController()
    response.once('close', () => left.abort())
    for (let position = 0; !left.signal.aborted;) {
      const changes = this.#open.get(name)
      // Listening begins before reading, so that nothing written in between goes unnoticed.
      const more = changes ? once(changes, 'more', {signal: left.signal}).catch(() => null) : null
      for await (const chunk of createReadStream(file, {start: position}) as AsyncIterable<Buffer>) {
        position += chunk.length
        if (!response.write(chunk)) await once(response, 'drain', {signal: left.signal}).catch(() => null)
      }

      if (!more) break
      await more
    }

    response.end()
  }
}
