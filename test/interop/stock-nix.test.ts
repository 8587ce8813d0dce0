import {expect} from 'chai'
import fs from 'node:fs'
import {tmpdir} from 'node:os'
import {s3Bucket, type S3Bucket} from '../../src/lib/bucket/s3-bucket.ts'
import {localClosure, type LocalPath} from '../../src/lib/cache/local-store.ts'
import {pushPaths} from '../../src/lib/cache/push-paths.ts'
import {ownClock} from '../../src/lib/gc/sweep-mark.ts'
import {formatPublicKey} from '../../src/lib/signing/nix-key.ts'
import {removeTree} from '../../src/lib/view/remove.ts'
import {describeTree} from '../lib/slug/trees.ts'
import {OTHER_KEY, OWN_KEY} from '../lib/closure/support/narinfos.ts'
import {useCeph} from '../support/ceph.ts'
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

    const copy = async (to: StockStore) => to.nix('copy', '--from', web.url, root)

    it('pushes a closure from the local store, and nothing of it twice', async () => {
      const options = {key: OWN_KEY, store: source.folder, scratch: folder, app: 'example-app', waiting: ownClock}
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

    it('is refused by who does not trust its key, where paths do not prove themselves', async () => {
      const path = closure.find(one => one.references.length === 0)
      if (!path) throw new Error('The closure has no leaf.')
      // Content-addressed paths need no signature. Nothing but ours vouches for this one.
      const {ca, ...plain} = path
      expect(ca).to.match(/^text:/)
      const key = `${path.path.slice('/nix/store/'.length).slice(0, 32)}.narinfo`
      await bucket.delete([key])
      await pushPaths(bucket, [{...plain, ca: null}], {key: OWN_KEY, store: source.folder, scratch: folder, app: 'example-app', waiting: ownClock})
      const to = nix.store('distrusting', {'trusted-public-keys': formatPublicKey(OTHER_KEY.publicKey)})
      const refusal = await to.nix('copy', '--from', web.url, path.path).then(() => 'none', (error: unknown) => (error as {stderr: string}).stderr)
      expect(refusal).to.match(/signature/)
      const trusting = nix.store('trusting-again', {'trusted-public-keys': formatPublicKey(OWN_KEY.publicKey)})
      await trusting.nix('copy', '--from', web.url, path.path)
    })
  })
}
