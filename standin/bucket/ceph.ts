import {CreateBucketCommand, HeadBucketCommand, ListBucketsCommand, S3Client} from '@aws-sdk/client-s3'
import {execa} from 'execa'
import {randomUUID} from 'node:crypto'
import {copyFile, mkdir, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {StandinError} from '../errors.ts'
import {cephConfig} from './ceph-config.ts'
import type {Ceph, CephProgram, Credentials} from './contract.ts'
import {Daemon, isListening} from './daemon.ts'
import {findFreePort} from './free-port.ts'
import {isRecord} from './xml.ts'

const REGION = 'us-east-1'
const DEADLINE_MS = 60_000
const PACKAGES = 'apt-get install --no-install-recommends ceph-mon ceph-osd radosgw'
const PROGRAMS = ['ceph', 'ceph-authtool', 'ceph-mon', 'ceph-osd', 'monmaptool', 'radosgw', 'radosgw-admin', 'setpriv']

/** Why Ceph cannot run here, with what to do about it; null when it can. */
export async function cephObstacle(): Promise<StandinError | null> {
  const found = await Promise.all(PROGRAMS.map(async name => (await execa('sh', ['-c', 'command -v "$1"', 'sh', name], {reject: false})).exitCode === 0))
  const missing = PROGRAMS.filter((_, index) => !found[index])
  if (missing.length > 0) {
    return new StandinError(`Ceph is not installed: ${missing.join(', ')} missing.`, [PACKAGES])
  }

  return process.getuid?.() === 0 ? null : new StandinError('Ceph needs root: its programs refuse their folders otherwise.', ['Run this as root.'])
}

/**
 * Starts a Ceph RADOS Gateway (S3) with its monitor and one OSD on loopback. Needs root and Debian's packages
 * ceph-mon, ceph-osd and radosgw.
 * @param options.dir absolute and not there yet; removed by `close`
 */
export async function startCeph({dir}: {dir: string}): Promise<Ceph> {
  const obstacle = await cephObstacle()
  if (obstacle) {
    throw obstacle
  }

  const cluster = new Cluster(dir, await findFreePort(), await findFreePort())
  try {
    await cluster.start()
    return cluster
  } catch (error) {
    await cluster.close()
    throw error
  }
}

class Cluster implements Ceph {
  readonly endpoint: string
  readonly region = REGION
  readonly #dir: string
  readonly #monitorPort: number
  readonly #gatewayPort: number
  readonly #daemons = new Map<string, Daemon>()
  #credentials: Credentials = {key: '', secret: ''}

  constructor(dir: string, monitorPort: number, gatewayPort: number) {
    this.#dir = dir
    this.#monitorPort = monitorPort
    this.#gatewayPort = gatewayPort
    this.endpoint = `http://127.0.0.1:${gatewayPort}`
  }

  get key(): string {
    return this.#credentials.key
  }

  get secret(): string {
    return this.#credentials.secret
  }

  async start(): Promise<void> {
    for (const name of ['run', 'mon', 'osd0']) {
      await mkdir(join(this.#dir, name), {recursive: true})
    }

    const clusterId = randomUUID()
    await writeFile(this.#conf, cephConfig({dir: this.#dir, clusterId, monitorPort: this.#monitorPort, gatewayPort: this.#gatewayPort}))
    await this.#makeKeyrings()
    await this.#run('monmaptool', ['--create', '--addv', 'a', `[v2:127.0.0.1:${this.#monitorPort}]`, '--fsid', clusterId, this.#file('monmap')])
    await this.#run('ceph-mon', ['-c', this.#conf, '--mkfs', '-i', 'a', '--monmap', this.#file('monmap'), '--keyring', this.#file('mon.keyring')])
    const monitor = await this.#startDaemon('ceph-mon', ['-i', 'a'])
    await monitor.until(() => isListening(this.#monitorPort), `listen on port ${this.#monitorPort}`, DEADLINE_MS)

    const osdId = randomUUID()
    await this.#ceph(['osd', 'new', osdId])
    await this.#run('ceph-osd', ['-c', this.#conf, '-i', '0', '--mkfs', '--osd-uuid', osdId])
    await this.#startOsd()
    // Makes the gateway's first pools, beside its start.
    const [credentials] = await Promise.all([this.#createUser(), this.#startGateway()])
    this.#credentials = credentials
    await this.#untilAnswering('radosgw')
  }

  async createBucket(name: string): Promise<void> {
    const client = this.#client()
    try {
      await client.send(new CreateBucketCommand({Bucket: name}))
      await client.send(new HeadBucketCommand({Bucket: name}))
    } finally {
      client.destroy()
    }
  }

  async kill(program: CephProgram): Promise<void> {
    await this.#daemons.get(program)?.kill()
  }

  async restart(program: CephProgram): Promise<void> {
    await this.kill(program)
    await (program === 'radosgw' ? this.#startGateway() : this.#startOsd())
    await this.#untilAnswering(program)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#daemons.values()].map(daemon => daemon.kill()))
    await rm(this.#dir, {recursive: true, force: true})
  }

  get #conf(): string {
    return this.#file('ceph.conf')
  }

  #file(name: string): string {
    return join(this.#dir, name)
  }

  async #makeKeyrings(): Promise<void> {
    const everything = ['--cap', 'mon', 'allow *', '--cap', 'osd', 'allow *', '--cap', 'mgr', 'allow *']
    await this.#run('ceph-authtool', ['--create-keyring', this.#file('keyring')])
    for (const name of ['client.admin', 'client.rgw', 'osd.0']) {
      await this.#run('ceph-authtool', [this.#file('keyring'), '--gen-key', '-n', name, ...everything])
    }

    await copyFile(this.#file('keyring'), this.#file('mon.keyring'))
    await this.#run('ceph-authtool', [this.#file('mon.keyring'), '--gen-key', '-n', 'mon.', '--cap', 'mon', 'allow *'])
  }

  async #startOsd(): Promise<void> {
    const osd = await this.#startDaemon('ceph-osd', ['-i', '0'])
    await osd.until(async () => (await this.#ceph(['osd', 'stat'])).includes('1 up'), 'be up', DEADLINE_MS)
  }

  async #startGateway(): Promise<void> {
    const gateway = await this.#startDaemon('radosgw', ['-n', 'client.rgw'])
    await gateway.until(() => isListening(this.#gatewayPort), `listen on port ${this.#gatewayPort}`, DEADLINE_MS)
  }

  async #startDaemon(name: string, args: readonly string[]): Promise<Daemon> {
    const daemon = await Daemon.start(name, ['-c', this.#conf, ...args, '-f'], this.#file(`${name}.out`))
    this.#daemons.set(name, daemon)
    return daemon
  }

  /** A request that needs the whole cluster, repeated until it is answered. */
  async #untilAnswering(program: CephProgram): Promise<void> {
    const client = this.#client()
    try {
      await this.#daemons.get(program)?.until(
        () => client.send(new ListBucketsCommand(), {abortSignal: AbortSignal.timeout(5000)}).then(() => true, () => false),
        'answer', DEADLINE_MS,
      )
    } finally {
      client.destroy()
    }
  }

  /** The gateway makes the key and the secret up, so that neither is in anybody's argv. */
  async #createUser(): Promise<Credentials> {
    const user = JSON.parse(await this.#run('radosgw-admin', ['-c', this.#conf, '-n', 'client.rgw', 'user', 'create', '--uid=test', '--display-name=test'])) as unknown
    const [keys] = isRecord(user) && Array.isArray(user['keys']) ? user['keys'] as unknown[] : []
    if (!isRecord(keys) || typeof keys['access_key'] !== 'string' || typeof keys['secret_key'] !== 'string') {
      throw new StandinError('radosgw-admin made a user without keys.')
    }

    return {key: keys['access_key'], secret: keys['secret_key']}
  }

  #ceph(args: readonly string[]): Promise<string> {
    return this.#run('ceph', ['-c', this.#conf, '--connect-timeout', '20', ...args])
  }

  async #run(program: string, args: readonly string[]): Promise<string> {
    const {stdout} = await execa(program, [...args], {timeout: DEADLINE_MS, stdin: 'ignore'})
    return stdout
  }

  #client(): S3Client {
    return new S3Client({
      endpoint: this.endpoint, region: REGION, forcePathStyle: true, maxAttempts: 1,
      credentials: {accessKeyId: this.key, secretAccessKey: this.secret},
    })
  }
}
