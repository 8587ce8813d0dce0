import {workerData, type MessagePort} from 'node:worker_threads'
import {fileDeriver, type Made} from './derive-file.ts'
import type {DiskPath} from './entry.ts'
import type {BlockReport, FileJob, FileWork} from './file-pool.ts'
import {makeRewriting} from './rewriting.ts'
import {takePart} from './shared-work.ts'

// A thread that helps FilePool: it derives files as they are, and says what it found.

const {port, spec, tellsAmbiguous} = workerData as FileWork & {port: MessagePort}
let containers: DiskPath[] = []
let isAmbiguous = false
const deriveFile = fileDeriver(makeRewriting(spec), {
  onContainer: source => containers.push(source),
  ...(tellsAmbiguous ? {onAmbiguous: () => void (isAmbiguous = true)} : {}),
})

port.on('message', ({jobs, counters}: {jobs: FileJob[]; counters: Int32Array}) => {
  takePart(counters, jobs, (block, start) => {
    containers = []
    isAmbiguous = false
    const made: Made[] = []
    const report = {start, made, containers, isAmbiguous, failure: null} satisfies BlockReport
    try {
      for (const {source, target} of block) made.push(deriveFile(bytes(source), bytes(target)))
      port.postMessage({...report, isAmbiguous})
    } catch (error) {
      const {message, code} = error as NodeJS.ErrnoException
      port.postMessage({...report, failure: {message, code}} satisfies BlockReport)
      throw error
    }
  })
})

/** What was a Buffer comes as its bytes alone. */
function bytes(path: DiskPath): DiskPath {
  return typeof path === 'string' ? path : Buffer.from(path)
}
