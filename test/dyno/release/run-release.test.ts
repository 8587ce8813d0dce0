import {expect} from 'chai'
import {createHash} from 'node:crypto'
import {once} from 'node:events'
import {mkdtemp, rm} from 'node:fs/promises'
import http from 'node:http'
import type {AddressInfo} from 'node:net'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {Readable} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import {gzipSync} from 'node:zlib'
import {runRelease} from '../../../src/dyno/release/run-release.ts'
import type {Bucket} from '../../../src/lib/bucket/bucket.ts'
import {keys} from '../../../src/lib/bucket/keys.ts'
import type {SucceededBuild} from '../../../src/lib/build/record.ts'
import {signRecord} from '../../../src/lib/build/signed-text.ts'
import {EXIT, NixError} from '../../../src/lib/errors.ts'
import {isDoneSignedBy} from '../../../src/lib/order/order-report.ts'
import {reportStore} from '../../../src/lib/order/report-store.ts'
import {formatSecretKey, makeSecretKey} from '../../../src/lib/signing/nix-key.ts'
import {memoryBucket} from '../../lib/bucket/memory-bucket.ts'
import {SUCCEEDED} from '../../lib/build/records.ts'

const ORDER = '20261123-120000-ab12'
const KEY = makeSecretKey('example-1', Buffer.alloc(32, 7))
const LAYER = gzipSync('a layer')
const SECRET = 'a-secret-of-the-bucket'
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const TAR = Buffer.alloc(1024)

const RECORD: SucceededBuild = signRecord({
  ...SUCCEEDED, source: {...SUCCEEDED.source, sha256: sha256(TAR)},
  outcome: {...SUCCEEDED.outcome, layer: {...SUCCEEDED.outcome.layer, sha256: sha256(LAYER), size: LAYER.length}},
}, KEY)
const SOURCE_KEY = keys.source(RECORD.app, RECORD.source.tree)
const LAYER_KEY = RECORD.outcome.layer.key
const ORDERED = {what: 'slug' as const, app: RECORD.app, build: RECORD.id, order: ORDER}

describe('a dyno that uploads a slug', () => {
  let server: http.Server
  let received: Buffer[]
  let folder: string
  beforeEach(async () => {
    received = []
    folder = await mkdtemp(join(tmpdir(), 'release-test-'))
    server = http.createServer((request, response) => void buffer(request).then(body => {
      received.push(body)
      response.end()
    }, () => undefined))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  afterEach(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
    await rm(folder, {recursive: true})
  })

  async function release({objects = {}, missing = [], record = RECORD, stop = null, change = bucket => bucket, layerSha256 = sha256(LAYER)}: {
    objects?: Record<string, Buffer>; missing?: string[]; record?: SucceededBuild; stop?: NixError | null
    change?: (bucket: Bucket) => Bucket; layerSha256?: string
  } = {}) {
    const memory = memoryBucket()
    const all = {[keys.record(RECORD.app, RECORD.id)]: Buffer.from(JSON.stringify(record)), [SOURCE_KEY]: gzipSync(TAR), [LAYER_KEY]: LAYER, ...objects}
    for (const [key, bytes] of Object.entries(all)) if (!missing.includes(key)) memory.objects.set(key, bytes)
    const bucket = change({
      ...memory,
      stream: (key: string) => {
        const bytes = memory.objects.get(key)
        return Promise.resolve(bytes ? {body: Readable.from([bytes]), size: bytes.length, etag: 'etag'} : null)
      },
    } as unknown as Bucket)
    const said: string[] = []
    const status = await runRelease({
      order: ORDER, build: RECORD.id, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/slug?Signature=secret`,
      sourceSha256: sha256(TAR), layerDigest: RECORD.outcome.layer.digest, layerSha256,
      config: {appName: RECORD.app, signingKey: formatSecretKey(KEY), buildFlags: '', engine: 'auto', bucket: {bucket: 'b', key: 'k', secret: SECRET, region: 'r', endpoint: null}} as unknown as Parameters<typeof runRelease>[0]['config'],
    }, {
      bucket, folder, stopped: stop === null ? new AbortController().signal : AbortSignal.abort(stop), scripts: {runResult: '#', runProot: '#', profile: '#', build: '#'}, dyno: 'run.1', nonce: 'nonce',
      now: () => new Date('2026-11-23T12:00:00Z'), stdout: text => said.push(text), secrets: [SECRET],
    })
    const report = (await reportStore(memory, ORDERED).read())?.report
    return {status, report, said: said.join('')}
  }

  it('reports what it sent, signed', async () => {
    const {status, report} = await release()
    expect(status).to.equal(0)
    if (report?.state !== 'done') throw new Error(JSON.stringify(report))
    expect([report.sha256, report.size]).to.deep.equal([sha256(received[0] ?? Buffer.alloc(0)), received[0]?.length])
    expect(received[0]?.includes(LAYER)).to.equal(true)
    expect(isDoneSignedBy(report, ORDERED, KEY.publicKey)).to.equal(true)
    expect(isDoneSignedBy(report, {...ORDERED, build: '20261123-120000-zz99'}, KEY.publicKey)).to.equal(false)
    expect(isDoneSignedBy({...report, size: 1}, ORDERED, KEY.publicKey)).to.equal(false)
  })

  const down = new NixError(`The bucket does not answer; ${SECRET}`, {code: 'BUCKET_UNREACHABLE', exit: EXIT.unavailable, suggestions: ['wait']})
  const rows: [name: string, options: Parameters<typeof release>[0], code: string, exit: number][] = [
    ['the layer is another', {objects: {[LAYER_KEY]: gzipSync('another')}}, 'BAD_SLUG_PART', EXIT.verification],
    ['the layer has gone', {missing: [LAYER_KEY]}, 'LAYER_GONE', EXIT.slug],
    ['the source is another', {objects: {[SOURCE_KEY]: gzipSync(Buffer.alloc(2048))}}, 'WRONG_DIGEST', EXIT.verification],
    ['the source has gone', {missing: [SOURCE_KEY]}, 'SOURCE_GONE', EXIT.slug],
    ['there is no record', {missing: [keys.record(RECORD.app, RECORD.id)]}, 'NO_SUCH_BUILD', EXIT.usage],
    ['the record is signed by another key', {record: signRecord(RECORD, makeSecretKey('example-1', Buffer.alloc(32, 8)))}, 'BAD_SIGNATURE', EXIT.verification],
    ['the record is not the one that the client saw', {layerSha256: '0'.repeat(64)}, 'WRONG_RECORD', EXIT.verification],
    ['the bucket is down', {change: bucket => ({...bucket, stream: () => Promise.reject(down)})}, 'BUCKET_UNREACHABLE', EXIT.unavailable],
    ['it is told to stop', {stop: new NixError('SIGTERM', {code: 'INTERRUPTED', exit: EXIT.buildLost})}, 'INTERRUPTED', EXIT.buildLost],
  ]
  for (const [name, options, code, exit] of rows) {
    it(`reports that ${name}, and completes no upload`, async () => {
      const {status, report} = await release(options)
      if (report?.state !== 'failed') throw new Error(JSON.stringify(report))
      expect([status, report.failure.code, report.failure.exit]).to.deep.equal([exit, code, exit])
      expect(JSON.stringify(report)).to.not.include(SECRET)
      if (code !== 'INTERRUPTED') expect(received).to.deep.equal([])
    })
  }

  it('ends at once when another dyno has the order', async () => {
    const first = {version: 1, order: ORDER, state: 'cancelled'} as const
    const {status, report, said} = await release({objects: {[`${keys.builds(RECORD.app)}${RECORD.id}/slugs/${ORDER}.json`]: Buffer.from(JSON.stringify(first))}})
    expect([status, report, received]).to.deep.equal([EXIT.declined, first, []])
    expect(said).to.include('has nothing to do')
  })
})
