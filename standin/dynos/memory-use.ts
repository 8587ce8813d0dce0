import {readFile} from 'node:fs/promises'

/**
 * Bytes that a process and all that it started have in memory or swap, the page cache left out, as Heroku counts it:
 * devcenter.heroku.com/articles/dyno-memory-behavior. Orphans of a pid namespace are its first process's children. What processes
 * share after a fork counts for each of them.
 */
export async function memoryOf(first: number): Promise<number> {
  const waiting = [first]
  let bytes = 0
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    // It may end while it is looked at.
    const [status, children] = await Promise.all([`/proc/${pid}/status`, `/proc/${pid}/task/${pid}/children`].map(file => readFile(file, 'latin1').catch(() => '')))
    for (const [, kilobytes = '0'] of (status ?? '').matchAll(/^(?:RssAnon|RssShmem|VmSwap):\s+(\d+) kB$/gm)) bytes += Number(kilobytes) * 1024
    waiting.push(...(children ?? '').split(' ').filter(text => text !== '').map(Number))
  }

  return bytes
}

export interface MemoryEvent {
  /** R14: more than the quota; R15: more than twice that, for which the dyno ends */
  kind: 'R14' | 'R15'
  /** that it has */
  bytes: number
  quota: number
}

/** How often it is looked at: sooner than Heroku does (about every 20 s), because tests wait for it. */
const LOOK_MS = 200
/** devcenter.heroku.com/articles/error-codes#r14-memory-quota-exceeded: again and again, as long as it lasts. */
const R14_EVERY_MS = 20_000

/** Watches a process tree until it is ended for R15 or `over` aborts. */
export async function watchMemory(first: number, quota: number, over: AbortSignal, onEvent: (event: MemoryEvent) => void): Promise<void> {
  let told = -Infinity
  for (;;) {
    const bytes = await memoryOf(first)
    if (over.aborted) return
    if (bytes > 2 * quota) {
      onEvent({kind: 'R15', bytes, quota})
      return
    }

    if (bytes > quota && performance.now() - told > R14_EVERY_MS) {
      told = performance.now()
      onEvent({kind: 'R14', bytes, quota})
    }

    await pause(over)
  }
}

function pause(over: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (over.aborted) {
      resolve()
      return
    }

    const timer = setTimeout(end, LOOK_MS)
    over.addEventListener('abort', end, {once: true})
    function end(): void {
      clearTimeout(timer)
      over.removeEventListener('abort', end)
      resolve()
    }
  })
}
