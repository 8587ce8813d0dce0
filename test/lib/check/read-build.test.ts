import {expect} from 'chai'
import fs from 'node:fs'
import os from 'node:os'
import {Readable} from 'node:stream'
import {makeLayer} from '../../../src/dyno/build/make-layer.ts'
import {keys} from '../../../src/lib/bucket/keys.ts'
import type {Bucket} from '../../../src/lib/bucket/bucket.ts'
import type {SucceededBuild} from '../../../src/lib/build/record.ts'
import {readBuild} from '../../../src/lib/check/read-build.ts'

const NAME = `${'a'.repeat(32)}-app`
const PATH = `/nix/store/${NAME}`

describe('what a build holds', () => {
  let root: string
  beforeEach(() => {
    root = fs.mkdtempSync(`${os.tmpdir()}/read-build-`)
    fs.mkdirSync(`${root}/view/${NAME}/bin`, {recursive: true})
    fs.writeFileSync(`${root}/view/${NAME}/bin/sh`, 'x')
    fs.writeFileSync(`${root}/view/${NAME}/bin/app`, `#!/app/.nixs/${NAME}/bin/sh\n`, {mode: 0o755})
  })
  afterEach(() => {
    fs.rmSync(root, {recursive: true})
  })

  async function build(): Promise<{record: SucceededBuild; objects: Map<string, Buffer>}> {
    const {listing} = await makeLayer({
      view: `${root}/view`, closure: [{path: PATH, narHash: `sha256:${'0'.repeat(52)}`, narSize: 1, references: []}], result: PATH, engine: 'relocate',
      slugexclude: `${root}/.slugexclude`, layerFile: `${root}/layer`, listingFile: `${root}/listing`, signal: new AbortController().signal,
    })
    const [app, id, tree] = ['app', '20261123-101500-k3xq', 'f'.repeat(40)]
    const record = {app, id, source: {tree}, outcome: {listing: {key: 'unused', ...listing}}} as unknown as SucceededBuild
    return {record, objects: new Map([[keys.listing(app, id), fs.readFileSync(`${root}/listing`)], [keys.source(app, tree), Buffer.alloc(77)]])}
  }

  const bucketOf = (objects: Map<string, Buffer>): Pick<Bucket, 'head' | 'stream'> => ({
    head: key => Promise.resolve(objects.has(key) ? {key, size: objects.get(key)?.length ?? 0, etag: '', modifiedAt: new Date(0)} : null),
    stream: key => {
      const bytes = objects.get(key)
      return Promise.resolve(bytes ? {body: Readable.from([bytes]), size: bytes.length, etag: ''} : null)
    },
  })

  it('is read from the listing that the build wrote, with the size of its source', async () => {
    const {record, objects} = await build()
    const {files, source} = await readBuild(bucketOf(objects), record)
    expect(files.map(({path, kind, needs}) => [path.slice(33), kind, needs.map(({how, to, offset}) => `${how} ${to ?? ''} ${offset ?? ''}`)])).to.deep.equal([
      ['app', 'directory', []], ['app/bin', 'directory', []], ['app/bin/app', 'file', [`shebang ${NAME}/bin/sh 2`]], ['app/bin/sh', 'file', []],
    ])
    expect(source).to.equal(77)
  })

  it('is refused when somebody changed the listing, and said to be gone when it is', async () => {
    const {record, objects} = await build()
    const key = keys.listing(record.app, record.id)
    const changed = new Map(objects).set(key, Buffer.concat([objects.get(key) ?? Buffer.alloc(0), Buffer.alloc(1)]))
    expect(await codeOf(readBuild(bucketOf(changed), record))).to.equal('WRONG_DIGEST')
    expect(await codeOf(readBuild(bucketOf(new Map()), record))).to.equal('LISTING_GONE')
  })
})

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(() => expect.fail('it was read'), (error: unknown) => (error as {code?: string}).code)
}
