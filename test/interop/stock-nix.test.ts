import {PutBucketPolicyCommand} from '@aws-sdk/client-s3'
import {expect} from 'chai'
import fs from 'node:fs'
import {tmpdir} from 'node:os'
import {zstdCompressSync} from 'node:zlib'
import {bucketSource} from '../../src/dyno/cache/bucket-source.ts'
import {startCacheServer} from '../../src/dyno/cache/cache-server.ts'
import {keys} from '../../src/lib/bucket/keys.ts'
import {s3Bucket, type S3Bucket} from '../../src/lib/bucket/s3-bucket.ts'
import {localClosure, type LocalPath} from '../../src/lib/cache/local-store.ts'
import {pushPaths} from '../../src/lib/cache/push-paths.ts'
import {signNarInfo} from '../../src/lib/closure/narinfo-signature.ts'
import {parseNarInfo, printNarInfo, type NarInfo} from '../../src/lib/closure/narinfo.ts'
import {ownClock} from '../../src/lib/gc/sweep-mark.ts'
import {baseNameOf, hashPartOf} from '../../src/lib/nix/store-path.ts'
import {formatPublicKey} from '../../src/lib/signing/nix-key.ts'
import {removeTree} from '../../src/lib/view/remove.ts'
import {describeTree} from '../lib/slug/trees.ts'
import {OTHER_KEY, OWN_KEY} from '../lib/closure/support/narinfos.ts'
import {hashOf} from '../lib/restore/support/saved-store.ts'
import {useCeph} from '../support/ceph.ts'
import {s3Client} from '../support/s3.ts'
import {readOnlyWeb} from './support/read-only-web.ts'
import {newNix, oldNix, type StockNix, type StockStore} from './support/stock-nix.ts'

const EXPRESSION = 'builtins.toFile "two" "refers to ${builtins.toFile "one" "a text"}"'

for (const [name, make] of [['of the toolbox', newNix], ['of Debian', oldNix]] as const) {
  describe(`the bucket and the Nix ${name}`, function () {
    this.timeout(120_000)
    const ceph = useCeph()
    let folder = ''
    let nix: StockNix
    let bucket: S3Bucket
    let source: StockStore
    let closure: LocalPath[]
    let root = ''
    let web: Awaited<ReturnType<typeof readOnlyWeb>>

    before(async function () {
      folder = fs.mkdtempSync(`${tmpdir()}/interop-`)
      const found = make(folder)
      if (found === null) {
        if (process.env['CI'] === 'true') throw new Error(`There is no Nix ${name}.`)
        console.error(`\n  SKIPPED: there is no Nix ${name}.\n`)
        return this.skip()
      }

      nix = found
      const {endpoint, region, key, secret, bucket: bucketName} = ceph()
      bucket = s3Bucket({endpoint, region, key, secret, bucket: bucketName})
      web = await readOnlyWeb(bucket)
      source = nix.store('source')
      root = (await source.nix('eval', '--raw', '--expr', EXPRESSION)).trim()
      closure = await localClosure([root], {env: source.env, cwd: folder})
    })
    after(async () => {
      if (folder !== '') removeTree(folder)
      if (bucket as S3Bucket | undefined) {
        await web.close()
        bucket.close()
      }
    })

    const pushing = () => ({key: OWN_KEY, store: source.folder, scratch: folder, app: 'example-app', waiting: ownClock})
    const copy = async (to: StockStore) => to.nix('copy', '--from', web.url, root)

    it('pushes a closure from the local store, and nothing of it twice', async () => {
      const options = pushing()
      expect(closure).to.have.length(2)
      const first = await pushPaths(bucket, closure, options)
      expect([first.saved, first.there, first.bytes > 0]).to.deep.equal([2, 0, true])
      expect(await pushPaths(bucket, closure, options)).to.deep.equal({saved: 0, there: 2, bytes: 0})
    })

    it('is read with signatures required, and all references come along', async () => {
      const to = nix.store('trusting', {'trusted-public-keys': formatPublicKey(OWN_KEY.publicKey)})
      await copy(to)
      expect(fs.readdirSync(to.folder).filter(entry => !entry.startsWith('.'))).to.have.length(2)
      expect((await describeTree(to.folder)).filter(line => !line.startsWith('".'))).to.deep.equal((await describeTree(source.folder)).filter(line => !line.startsWith('".')))
      const copied = await localClosure([root], {env: to.env, cwd: folder})
      expect(copied.map(({path, narHash, references, ca}) => ({path, narHash, references, ca})))
        .to.have.deep.members(closure.map(({path, narHash, references, ca}) => ({path, narHash, references, ca})))
    })

    it('is read by s3://, where that is compiled in, once its owner lets everybody read', async function () {
      await pushPaths(bucket, closure, pushing())
      const {endpoint, region, bucket: name, ...access} = ceph()
      const url = `s3://${name}?scheme=http&endpoint=${endpoint.slice('http://'.length)}&region=${region}`
      const to = nix.store('by-s3', {'trusted-public-keys': formatPublicKey(OWN_KEY.publicKey)})
      // Asked before anybody may read: this tells whether it knows the scheme.
      const refusal = await to.nix('copy', '--from', url, root).then(() => 'none', (error: unknown) => (error as {stderr: string}).stderr)
      if (/don't know how to open Nix store|not supported|does not recognise/.test(refusal)) {
        console.error(`\n  SKIPPED: Nix ${nix.version} of this machine has no s3://.\n`)
        return this.skip()
      }

      const client = s3Client({endpoint, region, bucket: name, ...access})
      const everybody = {Effect: 'Allow', Principal: '*'}
      await client.send(new PutBucketPolicyCommand({Bucket: name, Policy: JSON.stringify({Version: '2012-10-17', Statement: [
        {...everybody, Action: 's3:GetObject', Resource: `arn:aws:s3:::${name}/*`}, {...everybody, Action: 's3:ListBucket', Resource: `arn:aws:s3:::${name}`},
      ]})}))
      client.destroy()
      await to.nix('copy', '--from', url, root)
      expect(await to.nix('path-info', root)).to.equal(`${root}\n`)
    })

    it('is refused by who does not trust its key, where paths do not prove themselves', async () => {
      const path = closure.find(one => one.references.length === 0)
      if (!path) throw new Error('The closure has no leaf.')
      // Content-addressed paths need no signature. Nothing but ours vouches for this one.
      const {ca, ...plain} = path
      expect(ca).to.match(/^text:/)
      const key = `${path.path.slice('/nix/store/'.length).slice(0, 32)}.narinfo`
      await bucket.delete([key])
      await pushPaths(bucket, [{...plain, ca: null}], pushing())
      const to = nix.store('distrusting', {'trusted-public-keys': formatPublicKey(OTHER_KEY.publicKey)})
      const refusal = await to.nix('copy', '--from', web.url, path.path).then(() => 'none', (error: unknown) => (error as {stderr: string}).stderr)
      expect(refusal).to.match(/signature/)
      const trusting = nix.store('trusting-again', {'trusted-public-keys': formatPublicKey(OWN_KEY.publicKey)})
      await trusting.nix('copy', '--from', web.url, path.path)
    })

    describe('where somebody changed it', () => {
      /** A path that another one refers to, and that nothing but our signature vouches for. */
      let leaf: LocalPath
      let key = ''
      let info: NarInfo
      let nar: Buffer
      beforeEach(async () => {
        const found = closure.find(one => one.references.length === 0)
        if (!found) throw new Error('The closure has no leaf.')
        leaf = {...found, ca: null}
        key = keys.narinfo(hashPartOf(baseNameOf(leaf.path)))
        await bucket.delete([key])
        await pushPaths(bucket, [leaf], pushing())
        info = parseNarInfo(await text(key), key)
        nar = (await bucket.read(info.url, {maxBytes: 2 ** 20}))?.bytes ?? Buffer.alloc(0)
      })
      afterEach(() => bucket.put(info.url, nar))

      const text = async (name: string) => (await bucket.read(name, {maxBytes: 2 ** 20}))?.bytes.toString() ?? ''
      const describe = (changed: NarInfo) => bucket.put(key, Buffer.from(printNarInfo(changed)))
      const other = zstdCompressSync(Buffer.from('another NAR'))
      const changes: [what: string, change: () => Promise<unknown>, mine: RegExp][] = [
        ['its NAR', () => bucket.put(info.url, other), /its compressed NAR has hash|its NAR has more than/],
        ['its NAR, and the compressed hash with it', async () => {
          await bucket.put(info.url, other)
          await describe({...info, fileHash: hashOf(other), fileSize: other.length})
        }, /its NAR has hash \S+; signed was/],
        ['its NAR: cut off', () => bucket.put(info.url, nar.subarray(0, -5)), /its compressed NAR has hash/],
        ['its NAR: gone', () => bucket.delete([info.url]), /its NAR nar\/\S+ is not there/],
        ['its narinfo: another size', () => describe({...info, narSize: info.narSize + 8}), /is forged/],
        ['its narinfo: another reference', () => describe({...info, references: [root]}), /is forged/],
        ['its signature: forged', () => describe(signNarInfo({...info, signatures: []}, {...OTHER_KEY, name: OWN_KEY.name})), /is forged/],
        ['its signature: by another key', () => describe(signNarInfo({...info, signatures: []}, OTHER_KEY)), /is signed by cache\.example\.org-1 alone/],
        ['its signature: none', () => describe({...info, signatures: []}), /is not signed/],
        ['its narinfo: another path\'s', async () => bucket.put(key, Buffer.from(await text(keys.narinfo(hashPartOf(baseNameOf(root)))))), /it is of \/nix\/store\//],
      ]
      it('is taken as long as nobody did', async () => {
        await copy(nix.store('unchanged', {'trusted-public-keys': formatPublicKey(OWN_KEY.publicKey)}))
      })

      for (const [what, change, mine] of changes) {
        it(`is refused and named, and nothing of it is used: ${what}`, async () => {
          await change()
          await expectRefused(web.url)
        })

        it(`is refused by the cache on loopback, too: ${what}`, async () => {
          await change()
          const said: string[] = []
          const cache = await startCacheServer([{source: bucketSource(bucket, {trusted: [OWN_KEY.publicKey], report: line => void said.push(line)}), spool: null}], () => Promise.resolve())
          try {
            await expectRefused(cache.urls[0] ?? '')
          } finally {
            await cache.close()
          }

          expect(said.join()).to.match(mine).and.to.include(`${key} in bucket`)
        })
      }

      /** Neither the path nor what refers to it gets into a store that trusts our key. */
      async function expectRefused(url: string): Promise<void> {
        const to = nix.store(`store-${String(++stores)}`, {'trusted-public-keys': formatPublicKey(OWN_KEY.publicKey)})
        const refusal = await to.nix('copy', '--from', url, root).then(() => 'nothing was refused', (error: unknown) => (error as {stderr: string}).stderr)
        expect(refusal).to.include(hashPartOf(baseNameOf(leaf.path)))
        expect(fs.existsSync(to.folder) ? fs.readdirSync(to.folder).filter(name => /^[0-9a-z]{32}-/.test(name) && !name.endsWith('.lock')) : []).to.deep.equal([])
        for (const path of [leaf.path, root]) expect(await to.nix('path-info', path).then(() => 'valid', () => 'not valid'), path).to.equal('not valid')
      }

      let stores = 0
    })
  })
}
