import {randomBytes, randomUUID} from 'node:crypto'
import {mkdir, mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {startBucket} from './bucket/bucket-server.ts'
import {createBuildHost} from './builds/host.ts'
import {cliEnvironment} from './cli-environment.ts'
import {checkJail} from './dynos/check.ts'
import {createDynoHost} from './dynos/host.ts'
import {StandinError} from './errors.ts'
import {ensureImage} from './image/ensure.ts'
import type {Options, S3Options} from './options.ts'
import {HELP, parseOptions} from './options.ts'
import {startPlatform} from './platform/start.ts'
import {lockFolder} from './state/lock.ts'

try {
  const options = parseOptions(process.argv.slice(2), process.env, process.cwd())
  if (options.help) process.stdout.write(HELP)
  else await run(options)
} catch (error) {
  if (!(error instanceof StandinError)) throw error
  process.stderr.write([error.message, ...error.advice.map(line => `  ${line}`), ''].join('\n'))
  process.exitCode = 1
}

async function run({state, port, s3}: Options): Promise<void> {
  // Before anything can go wrong or take long, so that a signal always ends in order.
  const told = new Promise<void>(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => resolve())
  })
  await using cleanup = new AsyncDisposableStack()
  const dir = state ?? await mkdtemp(join(tmpdir(), 'standin-'))
  if (state === null) cleanup.defer(() => rm(dir, {recursive: true, force: true}))
  await mkdir(dir, {recursive: true})
  cleanup.defer(await lockFolder(dir))

  const complain = (message: string) => process.stderr.write(`standin: ${message}\n`)
  // Where no jail is permitted, that is to be known before an image is made, which may take minutes.
  const privilege = await checkJail()
  const image = await ensureImage({report: complain})
  const host = await createDynoHost({dir: join(dir, 'dynos'), image})
  cleanup.defer(() => host.close())
  host.lacks.forEach(complain)
  const buildHost = await createBuildHost({
    dir: join(dir, 'dynos'), privilege, image: report => ensureImage({variant: 'heroku-24-build', report}),
  })
  const bucket = await openBucket(s3, dir)
  cleanup.defer(bucket.close)
  const platform = await startPlatform({
    dir, port, host, buildHost, complain,
    source: {now: () => new Date(), uuid: () => randomUUID(), secret: bytes => randomBytes(bytes).toString('hex')},
  })
  cleanup.defer(() => platform.close())

  const env = await cliEnvironment(join(dir, 'home'), platform)
  const {api, token, ca, rendezvous} = platform
  // Each app has a port of its own there, which its web_url names.
  const router = 'http://127.0.0.1'
  process.stdout.write(`${JSON.stringify({pid: process.pid, state: dir, api, token, ca, rendezvous, router, s3: bucket.s3, env})}\n`)
  await told
}

async function openBucket(options: S3Options, dir: string) {
  if (options.kind === 'given') {
    const {endpoint, bucket, key, secret, region} = options
    return {s3: {endpoint, bucket, key, secret, region}, close: () => Promise.resolve()}
  }

  const server = await startBucket({dir: join(dir, 'bucket'), port: 0, bucket: options.bucket, region: options.region})
  const {endpoint, bucket, key, secret, region} = server
  return {s3: {endpoint, bucket, key, secret, region}, close: () => server.close()}
}
