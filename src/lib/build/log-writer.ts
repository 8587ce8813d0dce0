import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import type {Redactor} from './redact.ts'

export const SEGMENT_BYTES = 1024 * 1024
export const SEGMENT_MS = 2000
/** Beyond this the writer is waited for: a bucket that is down must not fill the dyno's memory. */
const MAX_PENDING_BYTES = 16 * SEGMENT_BYTES

/** The log of one build, written to the bucket in numbered segments without a gap. */
export interface LogWriter {
  /** Waits only when far more was written than the bucket takes. */
  write(chunk: Uint8Array): Promise<void>
  /** Everything written so far is in the bucket, or this rejects. */
  flush(): Promise<void>
  /** The same for what the redactor kept back; nothing may be written afterwards. */
  close(): Promise<void>
  /** segments that are in the bucket */
  readonly segments: number
}

export interface LogWriterOptions {
  bucket: Pick<Bucket, 'put'>
  app: string
  build: string
  redactor: Redactor
  /** Calls `task` once, some time later; gives back what prevents it. */
  later?: (task: () => void, ms: number) => () => void
}

/** A failed upload stops the log; `write`, `flush` and `close` then reject with it. */
export function logWriter({bucket, app, build, redactor, later = timeout}: LogWriterOptions): LogWriter {
  let pending: Buffer[] = []
  let pendingBytes = 0
  let segments = 0
  let cancelTimer: (() => void) | null = null
  let sending: Promise<void> = Promise.resolve()
  let queued = false
  let failure: {error: unknown} | null = null

  function send(): Promise<void> {
    cancelTimer?.()
    cancelTimer = null
    if (!queued) {
      queued = true
      // One after the other: segment n+1 is never there before segment n.
      sending = sending.then(sendPending)
      sending.catch((error: unknown) => {
        failure = {error}
      })
    }

    return sending
  }

  async function sendPending(): Promise<void> {
    queued = false
    while (pendingBytes > 0) {
      const all = Buffer.concat(pending)
      const segment = all.subarray(0, SEGMENT_BYTES)
      const rest = all.subarray(SEGMENT_BYTES)
      pending = rest.length > 0 ? [rest] : []
      pendingBytes = rest.length
      await bucket.put(keys.log(app, build, segments + 1), segment, {contentType: 'text/plain'})
      segments += 1
    }
  }

  function add(chunk: Buffer): void {
    if (chunk.length === 0) {
      return
    }

    pending.push(chunk)
    pendingBytes += chunk.length
    if (pendingBytes >= SEGMENT_BYTES) {
      void send().catch(() => undefined /* kept in `failure` */)
    } else {
      cancelTimer ??= later(() => void send().catch(() => undefined /* kept in `failure` */), SEGMENT_MS)
    }
  }

  return {
    get segments() {
      return segments
    },

    async write(chunk) {
      add(redactor.push(chunk))
      if (failure) {
        throw failure.error
      }

      if (pendingBytes > MAX_PENDING_BYTES) {
        await send()
      }
    },

    flush: send,

    async close() {
      add(redactor.end())
      await send()
    },
  }
}

function timeout(task: () => void, ms: number): () => void {
  const timer = setTimeout(task, ms)
  return () => {
    clearTimeout(timer)
  }
}
