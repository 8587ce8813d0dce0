import os from 'node:os'
import fs from 'node:fs'
import {MessageChannel, Worker, receiveMessageOnPort} from 'node:worker_threads'
import {threadProgram} from '../thread-program.ts'
import type {DeriveFile, Made, Observer} from './derive-file.ts'
import type {DiskPath} from './entry.ts'
import type {RewritingSpec} from './rewriting.ts'
import {COUNTERS, DONE, takePart} from './shared-work.ts'

/** A file that is to be made. */
export interface FileJob {
  source: DiskPath
  target: DiskPath
}

/** What a worker thread is started with. */
export interface FileWork {
  spec: RewritingSpec
  tellsAmbiguous: boolean
}

/** What it says of each block of jobs that it has done, before it counts as done. */
export interface BlockReport {
  /** the block's first job */
  start: number
  made: Made[]
  containers: DiskPath[]
  isAmbiguous: boolean
  failure: {message: string; code: string | undefined} | null
}

/** Put in by the programs for dynos, which are one file each; elsewhere the worker lies beside this file. */
declare const FILE_WORKER_PROGRAM: string

/** Threads beside the first: what copies files is soon bound by memory and disk. */
const MOST_WORKERS = 3
/** Starting a thread takes as long as some hundred small files, or as a few megabytes. */
const MANY_FILES = 256
const MANY_BYTES = 32 * 1024 * 1024
const WAIT_MS = 500

/** Whether the help of other threads comes before the work is done. */
export function isMuch(jobs: readonly FileJob[]): boolean {
  if (jobs.length >= MANY_FILES) return true
  return jobs.length > 1 && jobs.reduce((sum, {source}) => sum + fs.lstatSync(source).size, 0) >= MANY_BYTES
}

/**
 * Threads that derive files with this one, which takes part and waits for them: a store path is made in one go, and nothing
 * else is to happen meanwhile. A thread that starts late finds nothing left to do.
 */
export class FilePool {
  readonly #observer: Observer
  readonly #workers: {worker: Worker; port: MessageChannel['port1']}[]

  constructor(spec: RewritingSpec, observer: Observer, workers = Math.min(MOST_WORKERS, os.availableParallelism() - 1)) {
    this.#observer = observer
    const work: FileWork = {spec, tellsAmbiguous: observer.onAmbiguous !== undefined}
    this.#workers = Array.from({length: workers}, () => {
      const {port1, port2} = new MessageChannel()
      const worker = new Worker(program(), {workerData: {...work, port: port2}, transferList: [port2], env: {}, execArgv: []})
      // One that cannot start leaves its share to the others.
      worker.on('error', () => undefined)
      worker.unref()
      port1.unref()
      return {worker, port: port1}
    })
  }

  /** @param own derives the share of this thread */
  deriveFiles(jobs: readonly FileJob[], own: DeriveFile): Made[] {
    const counters = new Int32Array(new SharedArrayBuffer(COUNTERS * 4))
    for (const {port} of this.#workers) port.postMessage({jobs, counters})
    const made: Made[] = []
    try {
      takePart(counters, jobs, (block, start) => {
        for (const [n, {source, target}] of block.entries()) made[start + n] = own(source, target)
      })
    } finally {
      // Whoever removes what was made after a failure must not find somebody at work in it.
      this.#wait(counters, jobs.length)
    }

    const failures = this.#workers.flatMap(({port}) => this.#readReports(port, made))
    if (failures[0]) throw failures[0]
    return made
  }

  #wait(counters: Int32Array, jobs: number): void {
    for (let done = Atomics.load(counters, DONE); done < jobs; done = Atomics.load(counters, DONE)) {
      Atomics.wait(counters, DONE, done, WAIT_MS)
      this.#observer.onProgress?.()
    }
  }

  #readReports(port: MessageChannel['port1'], made: Made[]): Error[] {
    const failures: Error[] = []
    for (let received = receiveMessageOnPort(port); received; received = receiveMessageOnPort(port)) {
      const {start, made: block, containers, isAmbiguous, failure} = received.message as BlockReport
      for (const [n, one] of block.entries()) made[start + n] = one
      for (const path of containers) this.#observer.onContainer?.(typeof path === 'string' ? path : Buffer.from(path))
      if (isAmbiguous) this.#observer.onAmbiguous?.()
      if (failure) failures.push(Object.assign(new Error(failure.message), {code: failure.code}))
    }

    return failures
  }

  close(): void {
    for (const {worker, port} of this.#workers) {
      port.close()
      void worker.terminate()
    }
  }
}

function program(): URL {
  return threadProgram(typeof FILE_WORKER_PROGRAM === 'string' ? FILE_WORKER_PROGRAM : null, import.meta.url, 'file-worker')
}
