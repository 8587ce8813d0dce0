import {expect} from 'chai'
import {execFile} from 'node:child_process'
import fs from 'node:fs'
import {tmpdir} from 'node:os'
import {promisify} from 'node:util'
import {startClosureCache, type ClosureCache} from '../../src/dyno/cache/closure-cache.ts'
import {s3Bucket, type S3Bucket} from '../../src/lib/bucket/s3-bucket.ts'
import {checkCache} from '../support/check-cache.ts'
import {narInfosOf, nameOf} from '../dyno/cache/support.ts'
import {OTHER_KEY, OWN_KEY} from '../lib/closure/support/narinfos.ts'
import {formatPublicKey, formatSecretKey} from '../../src/lib/signing/nix-key.ts'
import {useCeph} from '../support/ceph.ts'
import {newNix, oldNix, type StockNix, type StockStore} from './support/stock-nix.ts'

describe('nix copy --to the cache on loopback', function () {
  this.timeout(120_000)
  const ceph = useCeph()
  let folder = ''
  let bucket: S3Bucket
  let cache: ClosureCache
  before(() => {
    folder = fs.mkdtempSync(`${tmpdir()}/nix-put-`)
  })
  after(async () => {
    await promisify(execFile)('chmod', ['-R', 'u+w', folder])
    fs.rmSync(folder, {recursive: true})
  })
  beforeEach(async () => {
    const {endpoint, region, key, secret, bucket: name} = ceph()
    bucket = s3Bucket({endpoint, region, key, secret, bucket: name})
    for await (const object of bucket.list('')) await bucket.delete([object.key])
  })
  afterEach(async () => {
    await cache.close()
    bucket.close()
  })

  /** Starts a build's cache, whose Nix has this store. */
  async function start(of: StockStore, flags: string[] = []): Promise<string> {
    const own = fs.mkdtempSync(`${folder}/build-`)
    cache = await startClosureCache({
      bucket, key: OWN_KEY, flags: ['--option', 'substituters', '', ...flags], upstream: 'copy', folder: `${own}/spool`, hookFile: `${own}/hook`,
      canonical: of.folder, database: `${of.folder.replace(/\/store$/, '')}/var/nix/db/db.sqlite`,
      report: text => expect.fail(text), wait: () => Promise.resolve(), signal: new AbortController().signal,
    })
    // What was registered before is Nix's own, and saved only where it is put.
    cache.watch()
    return cache.substituters.urls[0] ?? ''
  }

  /** Two paths, one of which refers to the other. */
  async function madeBy(store: StockStore, name: string): Promise<{base: string; top: string}> {
    const text = `${folder}/${name}.nix`
    const base = (await store.nix('eval', '--raw', '--impure', '--expr', `builtins.toFile "${name}-base" (builtins.concatStringsSep " " (builtins.genList toString 200000))`)).trim()
    fs.writeFileSync(text, `builtins.toFile "${name}-top" "see \${builtins.toFile "${name}-base" (builtins.concatStringsSep " " (builtins.genList toString 200000))}"`)
    return {base, top: (await store.nix('eval', '--raw', '--impure', '--file', text)).trim()}
  }

  const nixes: [string, (folder: string) => StockNix | null][] = [['2.8', oldNix], ['the toolbox\'s', newNix]]
  for (const [what, make] of nixes) {
    describe(`by Nix ${what}`, function () {
      let nix: StockNix
      before(function () {
        const made = make(fs.mkdtempSync(`${folder}/nix-`))
        if (made === null) this.skip()
        nix = made
      })

      for (const compression of ['xz', 'zstd', 'none']) {
        it(`publishes what this build's Nix has registered, compressed by ${compression}, and any Nix can read it`, async () => {
          const store = nix.store(`own-${compression}`)
          const {base, top} = await madeBy(store, compression)
          const url = await start(store)
          await store.nix('copy', '--to', `${url}?compression=${compression}`, top)
          const infos = [...(await narInfosOf(bucket)).values()]
          expect(infos.map(nameOf).sort()).to.deep.equal([`${compression}-base`, `${compression}-top`])
          expect(infos.map(info => info.compression)).to.deep.equal([compression, compression])
          expect((await checkCache(bucket, {trusted: OWN_KEY.publicKey})).faults).to.deep.equal([])
          const reader = nix.store(`reader-${compression}`, {'trusted-public-keys': formatPublicKey(OWN_KEY.publicKey)})
          await reader.nix('copy', '--from', url, top)
          expect(fs.readFileSync(`${reader.folder}/${top.slice('/nix/store/'.length)}`, 'utf8')).to.equal(`see ${base}`)
          expect((await cache.finish()).map(({path}) => path).sort()).to.deep.equal([base, top].sort())
        })
      }

      it('is refused what another Nix made, unless a trusted key has signed it', async () => {
        const own = nix.store('build')
        await madeBy(own, 'unrelated')
        const theirs = nix.store('theirs')
        const {top} = await madeBy(theirs, 'theirs')
        const url = await start(own, ['--option', 'extra-trusted-public-keys', formatPublicKey(OTHER_KEY.publicKey)])
        const error = await theirs.nix('copy', '--to', url, top).then(() => null, (error: unknown) => (error as {stderr: string}).stderr)
        expect(error).to.include('403').and.to.include("is not registered by this build's Nix, nor signed by a key that it trusts")
        expect([...(await narInfosOf(bucket)).keys()]).to.deep.equal([])
        fs.writeFileSync(`${folder}/secret`, formatSecretKey(OTHER_KEY))
        await theirs.nix('store', 'sign', '--recursive', '--key-file', `${folder}/secret`, top)
        await theirs.nix('copy', '--refresh', '--to', url, top)
        expect([...(await narInfosOf(bucket)).values()].map(nameOf).sort()).to.deep.equal(['theirs-base', 'theirs-top'])
      })
    })
  }
})
