import {spawn} from 'node:child_process'
import {once} from 'node:events'

/**
 * Does the work while no other process holds the lock on a file. The kernel lets go of it when we die.
 * util-linux's flock, because Node has no call for it.
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const holder = spawn('flock', ['--exclusive', file, 'sh', '-c', 'echo; exec cat'], {stdio: ['pipe', 'pipe', 'inherit']})
  const gone = once(holder, 'exit')
  await Promise.race([once(holder.stdout, 'data'), gone.then(() => Promise.reject(new Error(`Cannot lock ${file}`)))])
  try {
    return await work()
  } finally {
    holder.stdin.end()
    await gone
  }
}
