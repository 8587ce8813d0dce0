import {readFileSync} from 'node:fs'

/**
 * Bytes of memory that this process has held at most. The kernel's VmHWM begins anew with each program; what getrusage gives has the
 * parent's at the time of its fork in it.
 */
export function peakMemory(): number {
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? NaN) * 1024
}
