import {Worker} from 'node:worker_threads'
import type {Rules} from '../slugexclude/rules.ts'
import {revived, type Failure} from '../thread-failure.ts'
import {threadProgram} from '../thread-program.ts'
import type {FoundPath} from './find-paths.ts'
import type {Restored, RestorePlace} from './restore-path.ts'

/** What a thread is started with. */
export type RestoreWork = Omit<RestorePlace, 'filter'> & {rules: Rules | null}

/** `bytes`: the next of a path's compressed bytes; null: there are no more. `broken`: they could not be had. */
export type ToThread = {id: number} & ({kind: 'broken'} | {kind: 'path'; path: FoundPath} | {kind: 'piece'; bytes: Uint8Array | null})

/** `more`: the next of a path's bytes are wanted. */
export type FromThread = {id: number} & ({kind: 'done'; restored: Restored} | {kind: 'failed'; failure: Failure} | {kind: 'more'})

/** Put in where a program is one file; elsewhere the thread's lies beside this one. */
declare const RESTORE_THREAD_PROGRAM: string

/** MiB of new objects, of which a thread keeps so much at most. Its buffers are given back as they are used up. */
const YOUNG_MIB = 32

/** Threads that restore paths whose bytes this one downloads. */
export interface RestoreThreads extends Disposable {
  restore(path: FoundPath, compressed: AsyncIterable<Buffer>): Promise<Restored>
}

/** @param count started when the first path comes */
export function restoreThreads(count: number, work: RestoreWork): RestoreThreads {
  let threads: RestoreThread[] = []
  return {
    restore(path, compressed) {
      if (threads.length === 0) threads = Array.from({length: count}, () => new RestoreThread(work))
      // By bytes, not by paths: one path may be most of a closure, and its thread is to be its own.
      const [idlest] = threads.toSorted((a, b) => a.bytes - b.bytes)
      if (!idlest) throw new Error('There is no thread to restore with.')
      return idlest.restore(path, compressed)
    },
    [Symbol.dispose]() {
      for (const thread of threads) thread.end()
    },
  }
}

interface Running {
  narSize: number
  pieces: AsyncIterator<Buffer>
  settle: PromiseWithResolvers<Restored>
  /** why its bytes could not be had */
  broken: unknown
}

class RestoreThread {
  readonly #worker: Worker
  readonly #running = new Map<number, Running>()
  #last = 0
  #failure: Error | null = null

  constructor(work: RestoreWork) {
    this.#worker = new Worker(program(), {workerData: work, env: {}, execArgv: [], resourceLimits: {maxYoungGenerationSizeMb: YOUNG_MIB}})
    this.#worker.on('message', (message: FromThread) => void this.#hear(message))
    this.#worker.on('error', (error: Error) => {
      this.#failure = error
      for (const {settle} of this.#running.values()) settle.reject(error)
    })
  }

  /** of the NARs under way */
  get bytes(): number {
    return [...this.#running.values()].reduce((sum, {narSize}) => sum + narSize, 0)
  }

  async restore(path: FoundPath, compressed: AsyncIterable<Buffer>): Promise<Restored> {
    if (this.#failure) throw this.#failure
    const id = ++this.#last
    const settle = Promise.withResolvers<Restored>()
    const pieces = compressed[Symbol.asyncIterator]()
    this.#running.set(id, {narSize: path.info.narSize, pieces, settle, broken: null})
    this.#send({kind: 'path', id, path})
    try {
      return await settle.promise
    } finally {
      this.#running.delete(id)
      // What was not read is closed, as by a loop that is left early; how that ends is nobody's concern any more.
      pieces.return?.().catch(() => undefined)
    }
  }

  end(): void {
    void this.#worker.terminate()
  }

  async #hear(message: FromThread): Promise<void> {
    const running = this.#running.get(message.id)
    if (!running) return
    switch (message.kind) {
      case 'done':
        running.settle.resolve(message.restored)
        break
      case 'failed':
        running.settle.reject(running.broken ?? revived(message.failure))
        break
      case 'more':
        await this.#sendNext(message.id, running)
        break
    }
  }

  /** Iterators answer in the order in which they are asked. */
  async #sendNext(id: number, running: Running): Promise<void> {
    try {
      const next = await running.pieces.next()
      const bytes = next.done ? null : owned(next.value)
      this.#send({kind: 'piece', id, bytes}, bytes === null ? [] : [bytes.buffer])
    } catch (error) {
      running.broken = error
      this.#send({kind: 'broken', id})
    }
  }

  #send(message: ToThread, transferred: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transferred)
  }
}

/** Bytes that can be handed over: all of their memory, and nobody else's. */
function owned(piece: Buffer): Uint8Array<ArrayBuffer> {
  const isWhole = piece.buffer instanceof ArrayBuffer && piece.byteLength === piece.buffer.byteLength
  return isWhole ? new Uint8Array(piece.buffer) : new Uint8Array(piece)
}

function program(): URL {
  return threadProgram(typeof RESTORE_THREAD_PROGRAM === 'string' ? RESTORE_THREAD_PROGRAM : null, import.meta.url, 'restore-thread')
}
