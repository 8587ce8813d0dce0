import {execa} from 'execa'
import {once} from 'node:events'
import {mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {createInterface} from 'node:readline'
import {fileURLToPath} from 'node:url'
import type {BucketAccess} from '../../support/s3.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** What `bin/standin` says when it is ready. */
interface Ready {
  api: string
  token: string
  env: Record<string, string>
  s3: BucketAccess
}

/** `bin/standin` as a process of its own, and its API as a user of Heroku's would call it. */
export class Standin {
  readonly dir: string
  readonly ready: Ready
  readonly #process: StandinProcess

  private constructor(dir: string, ready: Ready, process: StandinProcess) {
    this.dir = dir
    this.ready = ready
    this.#process = process
  }

  /** @param s3 a bucket that runs elsewhere; its own when null */
  static async start(dir: string, s3: BucketAccess | null): Promise<Standin> {
    await mkdir(dir, {recursive: true})
    const args = s3 ? ['--s3-endpoint', s3.endpoint, '--bucket', s3.bucket, '--region', s3.region] : []
    const log = join(dir, 'standin.log')
    const child = launch(['--state', join(dir, 'state'), ...args], log, s3 ? {AWS_ACCESS_KEY_ID: s3.key, AWS_SECRET_ACCESS_KEY: s3.secret} : {})
    const ended = child.then(({exitCode}) => {
      throw new Error(`bin/standin ended with ${exitCode ?? 'a signal'}; see ${log}`)
    })
    ended.catch(() => undefined)
    const [line] = await Promise.race([once(createInterface({input: child.stdout}), 'line'), ended]) as [string]
    return new Standin(dir, JSON.parse(line) as Ready, child)
  }

  /** A call of the Platform API. @throws when the answer is not 2xx */
  async api(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(this.ready.api + path, {
      method,
      headers: {
        Authorization: `Bearer ${this.ready.token}`, Accept: 'application/vnd.heroku+json; version=3',
        ...(body !== undefined && {'Content-Type': 'application/json'}),
      },
      ...(body !== undefined && {body: JSON.stringify(body)}),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? null : JSON.parse(text)
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGTERM')
    await this.#process
  }
}

type StandinProcess = ReturnType<typeof launch>

function launch(args: readonly string[], log: string, env: Readonly<Record<string, string>>) {
  return execa(join(root, 'bin', 'standin'), args, {
    stdin: 'ignore', stdout: 'pipe', stderr: {file: log}, buffer: false, reject: false, extendEnv: false,
    env: {PATH: process.env['PATH'] ?? '', ...env},
  })
}
