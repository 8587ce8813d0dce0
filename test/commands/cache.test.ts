import {expect} from 'chai'
import fs from 'node:fs'
import {tmpdir} from 'node:os'
import NixCacheInfo from '../../src/commands/nix/cache/info.ts'
import NixCachePush from '../../src/commands/nix/cache/push.ts'
import {keys} from '../../src/lib/bucket/keys.ts'
import {removeTree} from '../../src/lib/view/remove.ts'
import {newNix, type StockStore} from '../interop/support/stock-nix.ts'
import {stepsIn} from './steps.ts'
import {useWorld} from './world.ts'

describe('nix:cache', function () {
  this.timeout(60_000)
  const world = useWorld()
  const {setUp} = stepsIn(world)

  describe('nix:cache:info', () => {
    it('counts what the bucket holds, and what that costs', async () => {
      await setUp('counted')
      const {bucket, run} = world()
      await bucket.put(keys.nar('0'.repeat(52)), Buffer.alloc(1024 ** 2))
      await bucket.put(keys.narinfo('a'.repeat(32)), Buffer.from('StorePath: …\n'))
      await bucket.put(keys.ownCache(keys.narinfo('b'.repeat(32))), Buffer.from('StorePath: …\n'))
      const {error, stdout, result} = await run(NixCacheInfo, ['--app=counted', '--price=1024'])
      expect(error).to.equal(null)
      expect(result).to.deep.include({app: 'counted', bucket: bucket.name, paths: 1, ownPaths: 1, price: 1024})
      const {costPerMonth, bytes, contents} = result as {costPerMonth: number; bytes: number; contents: {kind: string; objects: number; bytes: number}[]}
      expect(contents.find(({kind}) => kind === 'closure')).to.deep.include({objects: 2, bytes: 1024 ** 2 + 15})
      expect(costPerMonth).to.equal(bytes / 1024 ** 2)
      expect(stdout).to.match(/^closure +2 +1\.0 MB +1\.00$/m)
      expect(stdout).to.match(/^all +\d+ +[\d.]+ MB +\d+\.\d\d$/m)
      expect(stdout).to.include('1 store path for any Nix, 1 for dynos alone')
    })

    it('gives the same as JSON', async () => {
      await setUp('jsoned')
      const {stdout} = await world().run(NixCacheInfo, ['--app=jsoned', '--json'])
      expect(JSON.parse(stdout)).to.deep.include({app: 'jsoned', price: 0.023, bucket: world().bucket.name})
    })

    it('refuses a price that is none', async () => {
      const {error} = await world().run(NixCacheInfo, ['--app=counted', '--price=cheap'])
      expect([error?.code, error?.exit]).to.deep.equal(['BAD_PRICE', 2])
    })

    it('says what to do for an app that is not set up', async () => {
      await world().standin.createApp('bare')
      const {error} = await world().run(NixCacheInfo, ['--app=bare'])
      expect([error?.code, error?.exit, error?.suggestions]).to.deep.equal(['NOT_SET_UP', 3, ['heroku nix:setup --app bare']])
    })
  })

  describe('nix:cache:push', () => {
    let folder = ''
    let store: StockStore
    let root = ''

    before('makes a Nix store', async function () {
      this.timeout(120_000)
      folder = fs.mkdtempSync(`${tmpdir()}/push-`)
      const nix = newNix(folder)
      if (nix === null) {
        console.error('\n  SKIPPED: there is no Nix here; bin/setup fetches one.\n')
        return this.skip()
      }

      store = nix.store('store')
      root = await store.nix('eval', '--raw', '--expr', 'builtins.toFile "two" "refers to ${builtins.toFile "one" "a text"}"')
    })
    after(() => removeTree(folder))

    const push = (app: string, ...args: string[]) => {
      class Push extends NixCachePush {
        protected override store = store.folder
      }
      return world().run(Push, [`--app=${app}`, ...args], {env: store.env})
    }

    it('copies a path with all that it refers to, and then nothing', async () => {
      await setUp('pushed')
      const {error, result, stderr} = await push('pushed', root)
      expect(error).to.equal(null)
      expect(result).to.deep.include({app: 'pushed', saved: 2, there: 0})
      expect(stderr).to.match(/saved 2 paths, \d+ B/)
      for (const name of fs.readdirSync(store.folder).filter(entry => /^[0-9a-z]{32}-/.test(entry))) {
        const info = await world().bucket.read(keys.narinfo(name.slice(0, 32)), {maxBytes: 10_000})
        expect(info?.bytes.toString()).to.match(/^Sig: pushed-1:/m)
      }

      const again = await push('pushed', root)
      expect(again.result).to.deep.include({saved: 0, there: 2, bytes: 0})
      expect(again.stderr).to.include('saved 0 paths, 0 B (2 already there)')
    })

    it('refuses a path whose bytes are not those that Nix registered', async () => {
      await setUp('rotten')
      const path = await store.nix('eval', '--raw', '--expr', 'builtins.toFile "rotten" "as it was"')
      const file = `${store.folder}/${path.slice('/nix/store/'.length)}`
      fs.chmodSync(file, 0o644)
      fs.writeFileSync(file, 'as it IS!')
      const {error} = await push('rotten', path)
      expect([error?.code, error?.exit, error?.message.includes(path)]).to.deep.equal(['LOCAL_PATH_CHANGED', 10, true])
      expect(await world().bucket.head(keys.narinfo(path.slice('/nix/store/'.length).slice(0, 32)))).to.equal(null)
    })

    it('names what is not in the store', async () => {
      await setUp('absent')
      const missing = `/nix/store/${'0'.repeat(32)}-nothing`
      const {error} = await push('absent', missing)
      expect([error?.code, error?.exit]).to.deep.equal(['NOT_IN_STORE', 2])
      expect(error?.message).to.include(missing)
    })

    it('says so where there is no Nix', async () => {
      await setUp('nixless')
      const {error} = await world().run(NixCachePush, ['--app=nixless', root], {env: {PATH: folder}})
      expect([error?.code, error?.exit]).to.deep.equal(['NO_NIX', 2])
    })
  })
})
