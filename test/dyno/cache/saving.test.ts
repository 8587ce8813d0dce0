import {expect} from 'chai'
import {build} from 'esbuild'
import {execa} from 'execa'
import fs from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {startClosureCache, type SavedPath} from '../../../src/dyno/cache/closure-cache.ts'
import type {Bucket} from '../../../src/lib/bucket/bucket.ts'
import {patientBucket} from '../../../src/lib/bucket/patient-bucket.ts'
import {decompressor} from '../../../src/lib/closure/compression.ts'
import {hashAll} from '../../../src/lib/closure/content-hash.ts'
import {signerOf} from '../../../src/lib/closure/narinfo-signature.ts'
import {formatSecretKey} from '../../../src/lib/signing/nix-key.ts'
import type {SaveFigures, SaveOrder} from '../../../bench/support/save-closure.ts'
import {dynoBundle} from '../../../scripts/dyno-bundle.ts'
import type {FaultEffect} from '../../../standin/bucket/contract.ts'
import {OWN_KEY} from '../../lib/closure/support/narinfos.ts'
import {serve, type Served} from '../../lib/bucket/served.ts'
import {smallStore, type SmallPath, type SmallStore} from './small-store.ts'
import {narInfosOf} from './support.ts'

const MIB = 1024 ** 2
/** Each refers to the one before it, every fourth to none. */
const MANY: SmallPath[] = Array.from({length: 32}, (_, n) => ({name: `p${n}`, size: 10_000 + n, references: n % 4 === 0 ? [] : [`p${n - 1}`]}))

describe('saving into a bucket', function () {
  this.timeout(60_000)
  let served: Served
  let folder: string
  before(async () => {
    served = await serve()
  })
  after(() => served.close())
  beforeEach(() => {
    folder = fs.mkdtempSync(`${tmpdir()}/saving-`)
  })
  afterEach(async () => {
    await served.faults.clear()
    fs.rmSync(folder, {recursive: true})
    const keys: string[] = []
    for await (const {key} of served.bucket.list('')) keys.push(key)
    await served.bucket.delete(keys)
  })

  /** As a build's dyno does, whose Nix registers all at once. */
  async function save(store: SmallStore, {bucket = served.bucket, name = 'one', report = () => undefined}: {bucket?: Bucket; name?: string; report?: (text: string) => void} = {}): Promise<Record<string, number>> {
    const cache = await startClosureCache({
      bucket, key: OWN_KEY, flags: [], upstream: 'skip', folder: `${folder}/${name}`, hookFile: `${folder}/${name}.hook`, canonical: store.canonical, database: store.database,
      report, wait: ms => delay(ms), signal: new AbortController().signal,
    })
    cache.watch()
    store.register()
    return count(await cache.finish().finally(() => cache.close()))
  }

  function count(results: readonly SavedPath[]): Record<string, number> {
    const ends: Record<string, number> = {}
    for (const {kind} of results) ends[kind] = (ends[kind] ?? 0) + 1
    return ends
  }

  /** All of the store is there and whole: each NAR, signature and reference. */
  async function expectWhole({paths}: SmallStore): Promise<void> {
    const infos = [...(await narInfosOf(served.bucket)).values()]
    expect(infos.map(({storePath}) => storePath).sort()).to.deep.equal([...paths].sort())
    for (const info of infos) {
      expect(signerOf(info, [OWN_KEY.publicKey]), info.storePath).not.to.equal(null)
      expect(paths).to.include.members(info.references)
      const object = await served.bucket.stream(info.url)
      expect(await hashAll(object?.body.pipe(decompressor('zstd')) ?? []), info.storePath).to.deep.equal({hash: info.narHash, size: info.narSize})
    }
  }

  it('puts no narinfo before those of what it refers to, however many are under way', async () => {
    const store = await smallStore(folder, MANY)
    const there: string[] = []
    const bucket: Bucket = {...served.bucket, async put(key, body, options) {
      const result = await served.bucket.put(key, body, options)
      if (key.endsWith('.narinfo')) there.push(key)
      else if (key.startsWith('nar/')) await delay(key.charCodeAt(4) % 7)
      return result
    }}
    expect(await save(store, {bucket})).to.deep.equal({saved: 32})
    const infos = await narInfosOf(served.bucket)
    for (const [n, key] of there.entries()) {
      expect(there.slice(0, n)).to.include.members((infos.get(key)?.references ?? []).map(path => `${path.slice(11, 43)}.narinfo`))
    }

    await expectWhole(store)
  })

  for (const [what, effect] of [
    ['is busy', {kind: 'status', status: 503}], ['resets connections', {kind: 'reset-request', afterBytes: 100}], ['loses its answers', {kind: 'lose-response'}], ['stalls', {kind: 'stall'}],
  ] as const satisfies [string, FaultEffect][]) {
    it(`of 32 paths at once leaves nothing out where S3 ${what}`, async () => {
      const store = await smallStore(folder, MANY)
      served.faults.inject({method: 'PUT', path: /nar\//, times: 4, effect})
      served.faults.inject({method: 'PUT', path: /narinfo/, times: 4, effect})
      const bucket = patientBucket(served.client({}, {attempts: 3, idleTimeoutMs: 300}), {waits: [0.01, 0.01], wait: seconds => delay(seconds * 1000)})
      const {saved = 0, there = 0, ...others} = await save(store, {bucket})
      expect({all: saved + there, others}).to.deep.equal({all: 32, others: {}})
      // Whose answer was lost finds its narinfo there; where this machine is busy, an answer may come too late for any.
      if (effect.kind === 'lose-response') expect(there).to.be.greaterThan(0)
      await expectWhole(store)
    })
  }

  it('gives up by name where S3 stays busy, and the bucket is whole', async () => {
    const store = await smallStore(folder, MANY)
    served.faults.inject({method: 'PUT', path: new RegExp(`${store.paths[1]?.slice(11, 43) ?? ''}\\.narinfo`), times: 1000, effect: {kind: 'status', status: 503}})
    expect(await save(store, {bucket: served.client({}, {attempts: 2})})).to.deep.equal({saved: 29, failed: 3})
    await served.faults.clear()
    await expectWhole({...store, paths: store.paths.filter((_, n) => ![1, 2, 3].includes(n))})
  })

  for (const [what, status, code, message] of [
    ['the access key was taken away', 403, 'InvalidAccessKeyId', /^Not all was saved: \S+ does not know the access key in NIX_S3_KEY \(bucket example-bucket\)\.$/],
    ['the secret was changed', 403, 'SignatureDoesNotMatch', /^Not all was saved: NIX_S3_SECRET is not the secret that belongs to NIX_S3_KEY /],
    ['the bucket is full', 403, 'QuotaExceeded', /^Not all was saved: Bucket example-bucket at \S+ is full, or has reached its quota: /],
  ] as const) {
    it(`says so once where in the middle of a build ${what}, and the next build saves the rest`, async () => {
      const store = await smallStore(folder, MANY.slice(0, 8))
      const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`
      let narinfos = 0
      const bucket: Bucket = {...served.bucket, async put(key, ...rest) {
        const result = await served.bucket.put(key, ...rest)
        if (key.endsWith('.narinfo') && ++narinfos === 1) served.faults.inject({method: 'PUT', times: Infinity, effect: {kind: 'status', status, body}})
        return result
      }}
      const said: string[] = []
      const {saved = 0, failed = 0} = await save(store, {bucket, report: text => said.push(text)})
      expect([saved + failed, saved > 0, failed > 0]).to.deep.equal([8, true, true])
      expect(said).to.have.length(1)
      expect(said[0]).to.match(message)
      await served.faults.clear()
      const again = await smallStore(`${folder}/again`, MANY.slice(0, 8))
      expect(await save(again, {name: 'two'})).to.deep.equal({saved: failed, there: saved})
      await expectWhole(again)
    })
  }

  it('of the same paths by two builds at once stores each once', async () => {
    const store = await smallStore(folder, MANY)
    const other = await smallStore(`${folder}/other`, MANY)
    const both = await Promise.all([save(store), save(other, {bucket: served.client({}), name: 'two'})])
    expect(both.map(({saved = 0, there = 0}) => saved + there)).to.deep.equal([32, 32])
    expect(both.reduce((sum, {saved = 0}) => sum + saved, 0)).to.equal(32)
    await expectWhole(store)
  })

  it('sends what is larger than 64 MiB in parts', async () => {
    const store = await smallStore(folder, [{name: 'large', size: 65 * MIB}])
    expect(await save(store)).to.deep.equal({saved: 1})
    await expectWhole(store)
    const [info] = (await narInfosOf(served.bucket)).values()
    expect((await served.bucket.head(info?.url ?? ''))?.etag).to.match(/-9$/)
  })

  it('holds less memory than a path has bytes, in a program of one file as on a dyno', async () => {
    const program = `${folder}/save.mjs`
    await build({...await dynoBundle(), entryPoints: [path.resolve(import.meta.dirname, '../../../bench/support/save-closure.ts')], outfile: program})
    const nix = `${folder}/nix`
    const store = await smallStore(nix, [{name: 'large', size: 400 * MIB}], `${nix}/var/nix/db/db.sqlite`)
    store.register()
    fs.mkdirSync(`${folder}/scratch`)
    const {secret, ...config} = served.config
    const order: SaveOrder = {config, nix, paths: store.paths, built: store.paths, scratch: `${folder}/scratch`}
    const {stdout} = await execa(process.execPath, [program, JSON.stringify(order)], {
      env: {NIX_S3_SECRET: secret, NIX_SIGNING_KEY: formatSecretKey(OWN_KEY)},
    })
    const {ends, sent, memory} = JSON.parse(stdout) as SaveFigures
    expect(ends).to.deep.equal({saved: 1})
    expect(sent).to.be.greaterThan(400 * MIB)
    expect(memory).to.be.lessThan(300e6)
  })
})
