import fs from 'node:fs'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {registrations} from '../../../src/dyno/cache/registrations.ts'
import type {Bucket} from '../../../src/lib/bucket/bucket.ts'
import {keys} from '../../../src/lib/bucket/keys.ts'
import type {App, Scene} from './scene.ts'

/** One dyno's work on a build, up to its end. */
export interface Attempt {
  build: string
  /** whether the dyno was killed before it had ended by itself */
  killed: boolean
  /** from the dyno's start to its end */
  ms: number
  /** What was built on this dyno just before it was killed: output by derivation. */
  finished: Map<string, string>
  /** derivations that were being built then */
  running: number
  /** derivations that were begun, as far as the log in the bucket says: some seconds of a killed dyno's may lack */
  begun: Set<string>
}

/** Builds the app on a dyno and kills that with SIGKILL, as when its machine fails, so many milliseconds after its start. */
export async function buildUntilKilled(scene: Scene, app: App, bucket: Bucket, killAfter: number): Promise<Attempt> {
  const others = dynoFolders(scene)
  const {build, dyno} = await app.json('nix:build', '--size=performance-l', '--detach') as {build: string; dyno: string}
  const started = performance.now()
  const ended = untilEnded(app, build)
  const over = new AbortController()
  await Promise.race([delay(killAfter, undefined, {signal: over.signal}).catch(() => undefined), ended.promise])
  over.abort()
  const [folder] = dynoFolders(scene).filter(name => !others.includes(name))
  const {finished, running} = ended.isOver() || folder === undefined ? {finished: new Map<string, string>(), running: 0} : atWork(folder)
  const killed = !ended.isOver()
  if (killed) await scene.standin.api('POST', `/standin/apps/${app.name}/dynos/${dyno}/kill`)
  ended.stop()
  await ended.promise
  while ((await app.oneOffs()).length > 0) await delay(50)
  return {build, killed, ms: performance.now() - started, finished, running, begun: await begunBy(bucket, app, build)}
}

/** Waits for a build's record to be finished. */
function untilEnded(app: App, build: string): {promise: Promise<void>; isOver: () => boolean; stop: () => void} {
  let isOver = false
  let isStopped = false
  const look = async () => {
    while (!isOver && !isStopped) {
      const {state} = await app.record(build)
      isOver = state !== 'pending' && state !== 'running'
      if (!isOver) await delay(100)
    }
  }

  return {promise: look(), isOver: () => isOver, stop: () => void (isStopped = true)}
}

/** What Nix has registered on a living dyno, and how many builders it has. */
function atWork(folder: string): Pick<Attempt, 'finished' | 'running'> {
  const app = join(folder, 'app', '.nix')
  const database = join(app, 'state', 'db', 'db.sqlite')
  if (!fs.existsSync(database)) return {finished: new Map(), running: 0}
  const registered = registrations(database)
  try {
    const built = registered.after(0).filter(({builtHere, deriver}) => builtHere && deriver !== null)
    return {
      finished: new Map(built.map(({deriver, path}) => [deriver ?? '', path])),
      running: fs.existsSync(join(app, 'b')) ? fs.readdirSync(join(app, 'b')).length : 0,
    }
  } finally {
    registered.close()
  }
}

function dynoFolders(scene: Scene): string[] {
  const folder = join(scene.standin.dir, 'state', 'dynos')
  return fs.readdirSync(folder).filter(name => name.startsWith('dyno-')).map(name => join(folder, name))
}

async function begunBy(bucket: Bucket, app: App, build: string): Promise<Set<string>> {
  let log = ''
  for await (const {key} of bucket.list(keys.log(app.name, build, 1).slice(0, -6))) {
    log += (await bucket.read(key, {maxBytes: 2 ** 24}))?.bytes.toString() ?? ''
  }

  return new Set([...log.matchAll(/building '(\/nix\/store\/[^']+\.drv)'/g)].map(([, path = '']) => path))
}
