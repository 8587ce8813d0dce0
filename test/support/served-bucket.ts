import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {fileURLToPath} from 'node:url'
import type {BucketOptions} from '../../standin/bucket/contract.ts'
import type {BucketAccess} from './s3.ts'

const PROGRAM = fileURLToPath(new URL('../standin/bucket/serve.ts', import.meta.url))

export interface ServedBucket extends BucketAccess {
  pid: number
  /** SIGKILL; resolves when the process has ended. */
  kill(): Promise<void>
}

/** Starts the embedded bucket in a process of its own. */
export async function serveBucket(options: BucketOptions): Promise<ServedBucket> {
  const child = spawn(process.execPath, [PROGRAM], {stdio: ['pipe', 'pipe', 'inherit']})
  const exited = once(child, 'exit')
  child.stdin.end(JSON.stringify(options))
  const [line] = await Promise.race([once(child.stdout, 'data'), exited.then(([status]) => {
    throw new Error(`The bucket ended with status ${String(status)} before it served.`)
  })]) as [Buffer]
  const access = JSON.parse(line.toString()) as BucketAccess
  return {
    ...access,
    pid: child.pid ?? 0,
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}
