import {parentPort, workerData} from 'node:worker_threads'
import {createFilter} from '../slugexclude/filter.ts'
import {failureOf} from '../thread-failure.ts'
import type {FoundPath} from './find-paths.ts'
import {restorePath} from './restore-path.ts'
import type {FromThread, RestoreWork, ToThread} from './restore-threads.ts'

// A thread of restoreThreads: it gets paths and their compressed bytes, and writes what they hold.

/** Pieces that are asked for before they are needed: more wait where they are downloaded. */
const AHEAD = 1

const {rules, ...rest} = workerData as RestoreWork
const place = {...rest, filter: rules && createFilter(rules)}
const inboxes = new Map<number, Inbox>()

parentPort?.on('message', (message: ToThread) => {
  if (message.kind === 'path') void restore(message.id, message.path)
  else inboxes.get(message.id)?.take(message.kind === 'broken' ? new Error('its bytes cannot be had') : message.bytes)
})

async function restore(id: number, path: FoundPath): Promise<void> {
  const inbox = new Inbox(() => send({kind: 'more', id}))
  inboxes.set(id, inbox)
  try {
    send({kind: 'done', id, restored: await restorePath(path, inbox.pieces(), place)})
  } catch (error) {
    send({kind: 'failed', id, failure: failureOf(error)})
  } finally {
    inboxes.delete(id)
  }
}

function send(message: FromThread): void {
  parentPort?.postMessage(message)
}

type Arrived = Error | Uint8Array | null

/** A path's bytes, as they arrive. */
class Inbox {
  readonly #askMore: () => void
  readonly #arrived: Arrived[] = []
  #waiting: ((arrived: Arrived) => void) | null = null

  constructor(askMore: () => void) {
    this.#askMore = askMore
  }

  take(arrived: Arrived): void {
    if (this.#waiting) this.#waiting(arrived)
    else this.#arrived.push(arrived)
    this.#waiting = null
  }

  async* pieces(): AsyncGenerator<Buffer, void> {
    for (let n = 0; n < AHEAD; n++) this.#askMore()
    for (;;) {
      const arrived = this.#arrived.shift()
      const next = arrived === undefined ? await new Promise<Arrived>(resolve => (this.#waiting = resolve)) : arrived
      if (next === null) return
      if (next instanceof Error) throw next
      this.#askMore()
      yield Buffer.from(next.buffer, next.byteOffset, next.byteLength)
    }
  }
}
