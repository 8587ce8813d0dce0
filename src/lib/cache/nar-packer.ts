import {rm} from 'node:fs/promises'
import {Worker} from 'node:worker_threads'
import {revived, type Failure} from '../thread-failure.ts'
import {threadProgram} from '../thread-program.ts'
import type {PackedNar, Unpacked} from './pack-nar.ts'

export type ToThread = Unpacked & {id: number}

/** `read`: so many more bytes of the path's NAR. */
export type FromThread = {id: number} & ({kind: 'failed'; failure: Failure} | {kind: 'packed'; packed: PackedNar} | {kind: 'read'; bytes: number})

/** MiB of new objects until the thread looks for garbage: what it makes much of lies outside. */
const YOUNG_MIB = 4

/** Put in where a program is one file; elsewhere the thread's lies beside this one. */
declare const PACK_THREAD_PROGRAM: string

/** Packs NARs on a thread of its own: reading and hashing take as long as sending does, which this thread is there for. */
export interface NarPacker extends Disposable {
  /**
   * Packs a path, in its turn, and gives it away until `use` ends.
   * @throws NixError NAR_CHANGED
   */
  pack<Result>(path: Unpacked, use: (packed: PackedNar) => Promise<Result>, options?: {onRead?: (bytes: number) => void}): Promise<Result>
}

/** @param start the thread; again after one that broke */
export function narPacker(start = () => new Worker(program(), {env: {}, execArgv: [], resourceLimits: {maxYoungGenerationSizeMb: YOUNG_MIB}})): NarPacker {
  let thread = new PackThread(start())
  return {
    async pack(path, use, {onRead = () => undefined} = {}) {
      if (thread.isOver) thread = new PackThread(start())
      let isInMemory = false
      try {
        const packed = await thread.pack(path, onRead)
        isInMemory = packed.body instanceof Uint8Array
        return await use(packed)
      } finally {
        if (!isInMemory) await rm(path.file, {force: true})
      }
    },
    [Symbol.dispose]() {
      thread.end()
    },
  }
}

interface Packing {
  settle: PromiseWithResolvers<PackedNar>
  onRead: (bytes: number) => void
}

class PackThread {
  readonly #worker: Worker
  readonly #packing = new Map<number, Packing>()
  #last = 0
  isOver = false

  constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (message: FromThread) => this.#hear(message))
    worker.once('error', (error: Error) => this.#fail(error))
    worker.once('exit', () => this.#fail(new Error('The thread that packs NARs has ended.')))
    worker.unref()
  }

  async pack(path: Unpacked, onRead: (bytes: number) => void): Promise<PackedNar> {
    const id = ++this.#last
    const settle = Promise.withResolvers<PackedNar>()
    this.#packing.set(id, {settle, onRead})
    // Only while it has something to do, the program does not end before it.
    this.#worker.ref()
    this.#worker.postMessage({...path, id} satisfies ToThread)
    try {
      return await settle.promise
    } finally {
      this.#packing.delete(id)
      if (this.#packing.size === 0) this.#worker.unref()
    }
  }

  end(): void {
    void this.#worker.terminate()
  }

  #hear(message: FromThread): void {
    const packing = this.#packing.get(message.id)
    switch (message.kind) {
      case 'read':
        packing?.onRead(message.bytes)
        break
      case 'packed':
        packing?.settle.resolve(message.packed)
        break
      case 'failed':
        packing?.settle.reject(revived(message.failure))
        break
    }
  }

  #fail(error: Error): void {
    this.isOver = true
    for (const {settle} of this.#packing.values()) settle.reject(error)
  }
}

function program(): URL {
  return threadProgram(typeof PACK_THREAD_PROGRAM === 'string' ? PACK_THREAD_PROGRAM : null, import.meta.url, 'pack-thread')
}
