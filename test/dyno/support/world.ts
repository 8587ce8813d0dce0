import {createHash} from 'node:crypto'
import {existsSync, mkdtempSync} from 'node:fs'
import {readFile, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join, resolve} from 'node:path'
import {Readable} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import {gzipSync} from 'node:zlib'
import {dynoProgram} from '../../../scripts/dyno-bundle.ts'
import {keys} from '../../../src/lib/bucket/keys.ts'
import {s3Bucket, type S3Bucket} from '../../../src/lib/bucket/s3-bucket.ts'
import {dynoRequest, type PresignedToolbox} from '../../../src/lib/build/dyno-command.ts'
import {recordStore, type RecordStore} from '../../../src/lib/build/record-store.ts'
import {formatSecretKey, makeSecretKey, type SecretKey} from '../../../src/lib/signing/nix-key.ts'
import {fromText} from '../../../src/lib/slug/byte-string.ts'
import type {SlugEntry} from '../../../src/lib/slug/entry.ts'
import {tarOf} from '../../../src/lib/source/tar.ts'
import {ensureToolbox} from '../../../src/lib/tools/ensure-toolbox.ts'
import {loadToolsLock} from '../../../src/lib/tools/tool-source.ts'
import {makeToolbox, type Toolbox} from '../../../src/lib/tools/toolbox.ts'
import {startBucket} from '../../../standin/bucket/bucket-server.ts'
import type {BucketServer, FaultProxy} from '../../../standin/bucket/contract.ts'
import {startFaultProxy} from '../../../standin/bucket/fault-proxy.ts'
import type {Dyno, DynoEnd, DynoSpec} from '../../../standin/dynos/contract.ts'
import {createDynoHost, type JailedDynoHost} from '../../../standin/dynos/host.ts'
import {ensureImage} from '../../../standin/image/ensure.ts'

const ROOT = resolve(import.meta.dirname, '../../..')
/** Made by bin/setup. */
const TOOLS_LOCK = join(ROOT, '.cache/tools/tools.lock.json')
export const hasTools = (): boolean => existsSync(TOOLS_LOCK)

export interface OrderedBuild {
  id: string
  /** what POST /dynos would be sent */
  request: ReturnType<typeof dynoRequest>
}

/** A bucket with the toolbox in it, and a host of jailed dynos: what a build needs of Heroku and S3. */
export interface World {
  server: BucketServer
  /** dynos reach the bucket through it */
  faults: FaultProxy
  bucket: S3Bucket
  records: RecordStore
  toolbox: Toolbox
  signingKey: SecretKey
  /** config vars, secrets included */
  configVars: Record<string, string>
  /** Puts a source and a pending record into the bucket, as nix:build does. */
  order(files: Record<string, string>, options?: {buildFlags?: string; presigned?: boolean}): Promise<OrderedBuild>
  /** @param options.memory bytes that the dyno may have */
  start(order: OrderedBuild, options?: {env?: Record<string, string>; slug?: string | null; memory?: number}): RunningDyno
  /** Whether this machine ends what wants more memory than a dyno has. */
  limitsMemory: boolean
  close(): Promise<void>
}

export interface RunningDyno {
  dyno: Dyno
  /** all that it wrote so far */
  output(): string
  ended: Promise<DynoEnd>
}

export const APP = 'example-app'
let builds = 0

export async function makeWorld(): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), 'nix-world-'))
  const server = await startBucket({dir: join(dir, 'bucket'), port: 0, bucket: 'example-bucket', region: 'eu-west-1'})
  const faults = await startFaultProxy({target: server.endpoint})
  const configVars = {
    NIX_S3_KEY: server.key, NIX_S3_SECRET: server.secret, NIX_S3_BUCKET: server.bucket, NIX_S3_REGION: server.region,
    NIX_S3_ENDPOINT: faults.endpoint, NIX_APP_NAME: APP, NIX_SIGNING_KEY: '',
  }
  const signingKey = makeSecretKey(`${APP}-1`, createHash('sha256').update(dir).digest())
  configVars.NIX_SIGNING_KEY = formatSecretKey(signingKey)
  const bucket = s3Bucket({bucket: server.bucket, key: server.key, secret: server.secret, region: server.region, endpoint: server.endpoint})
  const records = recordStore(bucket, APP)
  const toolbox = await makeOwnToolbox()
  await ensureToolbox(bucket, toolbox)
  const image = await ensureImage()
  const host: JailedDynoHost = await createDynoHost({dir: join(dir, 'dynos'), image})

  async function presign(): Promise<PresignedToolbox> {
    const url = (key: string) => bucket.presign('GET', key, {expiresIn: 600})
    const [loader, program, lock, node] = await Promise.all([
      url(keys.toolbox(toolbox.digest, 'loader.sh')), url(keys.toolbox(toolbox.digest, 'dyno.mjs')),
      url(keys.toolbox(toolbox.digest, 'tools.lock.json')), url(keys.tool(toolbox.tools.find(({name}) => name === 'node')?.sha256 ?? '')),
    ])
    return {loader, program, lock, node}
  }

  return {
    server, faults, bucket, records, toolbox, signingKey, configVars,
    limitsMemory: !host.lacks.some(lack => lack.startsWith('Memory limits are shown')),

    async order(files, {buildFlags = '', presigned = false} = {}) {
      const id = `20261123-0900${String(++builds).padStart(2, '0')}-test`
      const tar = await buffer(Readable.from(tarOf(entriesOf(files)), {objectMode: false}))
      const sha256 = createHash('sha256').update(tar).digest('hex')
      const source = {tree: sha256.slice(0, 40), commit: null, sha256}
      await bucket.put(keys.source(APP, source.tree), gzipSync(tar))
      await records.create({
        version: 1, id, app: APP, createdAt: new Date().toISOString(), state: 'pending', source,
        buildFlags, toolbox: toolbox.digest, dynoSize: null, timeToLive: 3600,
      })
      return {id, request: dynoRequest({build: id, toolbox: toolbox.digest, source, size: null, timeToLive: 3600, presigned: presigned ? await presign() : null})}
    },

    start({request}, {env = {}, slug = null, memory = 4 * 1024 ** 3} = {}) {
      const spec: DynoSpec = {
        name: 'run.1234', command: request.command, env: {...configVars, DYNO: 'run.1234', ...request.env, ...env}, slug,
        terminal: null, web: null, timeToLiveMs: null, graceMs: 30_000, maxThreads: 512, memory, overrun: 'process', cycleMs: null,
      }
      const dyno = host.start(spec)
      const chunks: Buffer[] = []
      dyno.output.on('data', (chunk: Buffer) => chunks.push(chunk))
      return {dyno, output: () => Buffer.concat(chunks).toString(), ended: dyno.ended}
    },

    async close() {
      await host.close()
      await faults.close()
      bucket.close()
      await server.close()
      await rm(dir, {recursive: true, force: true})
    },
  }
}

async function makeOwnToolbox(): Promise<Toolbox> {
  const lock = await loadToolsLock({mirror: undefined, own: TOOLS_LOCK, cwd: ROOT, registry: 'http://127.0.0.1:9'})
  return makeToolbox({lock, program: Buffer.from(await dynoProgram()), loaderTemplate: await readFile(join(ROOT, 'src/dyno/loader.sh'), 'utf8')})
}

function* entriesOf(files: Record<string, string>): Generator<SlugEntry> {
  for (const [name, content] of Object.entries(files).sort(([a], [b]) => a < b ? -1 : 1)) {
    const bytes = Buffer.from(content)
    yield {kind: 'file', path: fromText(name), executable: false, size: bytes.length, read: () => [bytes]}
  }
}
