import {expect} from 'chai'
import fs from 'node:fs'
import {Readable} from 'node:stream'
import {tmpdir} from 'node:os'
import {keys} from '../../../src/lib/bucket/keys.ts'
import type {LocalPath} from '../../../src/lib/cache/local-store.ts'
import {pushPaths} from '../../../src/lib/cache/push-paths.ts'
import {narOf} from '../../../src/lib/closure/nar-writer.ts'
import {ownClock} from '../../../src/lib/gc/sweep-mark.ts'
import {pathsAsFound, type FoundPath} from '../../../src/lib/restore/find-paths.ts'
import {serve, type Served} from '../bucket/served.ts'
import {OWN_KEY} from '../closure/support/narinfos.ts'
import {hashOf} from '../restore/support/saved-store.ts'

describe('pushing paths to the bucket', function () {
  this.timeout(30_000)
  let served: Served
  let store = ''
  before(async () => {
    served = await serve()
    store = fs.mkdtempSync(`${tmpdir()}/push-`)
  })
  after(async () => {
    await served.close()
    fs.rmSync(store, {recursive: true})
  })

  const local = (letter: string, references: string[] = []): LocalPath => {
    const name = `${letter.repeat(32)}-${letter}`
    fs.writeFileSync(`${store}/${name}`, `text of ${letter}`)
    const bytes = Buffer.concat([...narOf(`${store}/${name}`)])
    return {
      path: `/nix/store/${name}`, narHash: hashOf(bytes), narSize: bytes.length, deriver: null, ca: null, signatures: [],
      references: references.map(other => `/nix/store/${other.repeat(32)}-${other}`).sort(),
    }
  }

  it('leaves no narinfo behind whose references are not there, wherever it fails', async () => {
    const paths = [local('a', ['a', 'b', 'c']), local('b', ['c']), local('c', ['d']), local('d')]
    const options = {key: OWN_KEY, store, scratch: store, app: 'example-app', waiting: ownClock}
    for (const letter of ['d', 'c', 'b']) {
      served.faults.inject({method: 'PUT', path: new RegExp(`/${letter.repeat(32)}\\.narinfo`), times: Infinity, effect: {kind: 'status', status: 403}})
      const failure = await pushPaths(served.bucket, paths, options).then(() => null, (error: unknown) => error as Error)
      expect(failure).to.be.an.instanceof(Error)
      await served.faults.clear()
      const there = []
      for await (const {key} of served.bucket.list('')) if (key.endsWith('.narinfo')) there.push(`/nix/store/${key.slice(0, 32)}-${key.slice(0, 1)}`)
      const found = await Readable.from(pathsAsFound(served.bucket, there.map(path => ({path})), {trusted: [OWN_KEY.publicKey], closure: true})).toArray() as FoundPath[]
      expect(found).to.have.length(there.length)
    }

    expect(await pushPaths(served.bucket, paths, options)).to.deep.include({saved: 2, there: 2})
    expect(fs.readdirSync(store).filter(name => name.endsWith('.zst'))).to.deep.equal([])
    expect((await served.bucket.read(keys.cacheInfo, {maxBytes: 1000}))?.bytes.toString()).to.match(/^StoreDir: \/nix\/store\n/)
  })
})
