import {expect} from 'chai'
import fs from 'node:fs'
import {connect} from 'node:net'
import {once} from 'node:events'
import {tmpdir} from 'node:os'
import {execFileSync} from 'node:child_process'
import {gzipSync, zstdCompressSync} from 'node:zlib'
import {startClosureCache} from '../../../src/dyno/cache/closure-cache.ts'
import {bucketSource, type BucketSource} from '../../../src/dyno/cache/bucket-source.ts'
import {startCacheServer, type CacheServer} from '../../../src/dyno/cache/cache-server.ts'
import {putPaths, type PutPaths} from '../../../src/dyno/cache/put-paths.ts'
import {receivedNars} from '../../../src/dyno/cache/received-nars.ts'
import {keys} from '../../../src/lib/bucket/keys.ts'
import type {PublishedPath} from '../../../src/lib/cache/publish-path.ts'
import {contentHash} from '../../../src/lib/closure/content-hash.ts'
import {signerOf, signNarInfo} from '../../../src/lib/closure/narinfo-signature.ts'
import {MAX_NARINFO, parseNarInfo, printNarInfo, type NarInfo} from '../../../src/lib/closure/narinfo.ts'
import {formatPublicKey} from '../../../src/lib/signing/nix-key.ts'
import {narInfo, OTHER_KEY, OWN_KEY} from '../../lib/closure/support/narinfos.ts'
import {serve, type Served} from '../../lib/bucket/served.ts'
import {clockedBucket} from '../../lib/gc/support/clocked-bucket.ts'
import {smallStore} from './small-store.ts'

const NAR: Buffer<ArrayBuffer> = Buffer.from('any bytes: a cache looks at hashes alone. '.repeat(5000))
const PACKED = zstdCompressSync(NAR)
const HASH = '1q8w6gl1ll0mwfkqc3c2yx005s6wwfrl'
const BASE = '2q8w6gl1ll0mwfkqc3c2yx005s6wwfrl'
const BASE_PATH = `/nix/store/${BASE}-base`
const ROOM = 4_000_000

function hashOf(bytes: Uint8Array): string {
  const hash = contentHash()
  hash.update(bytes)
  return hash.digest()
}

const nameOf = (packed: Uint8Array, ending = 'nar.zst') => `${hashOf(packed).slice('sha256:'.length)}.${ending}`

/** As Nix writes it: not signed, unless it has a key. */
function path(change: Partial<NarInfo> = {}, {packed = PACKED, nar = NAR}: {packed?: Buffer; nar?: Buffer} = {}): NarInfo {
  return narInfo({
    url: `nar/${nameOf(packed)}`, fileHash: hashOf(packed), fileSize: packed.length, narHash: hashOf(nar), narSize: nar.length, references: [], signatures: [], ...change,
  })
}

const registeredAs = ({storePath, deriver, ...info}: NarInfo): PublishedPath => ({...info, path: storePath, deriver: deriver === null ? null : `/nix/store/${deriver}`})

describe('what is put into the cache on loopback', () => {
  let served: Served
  let source: BucketSource
  let puts: PutPaths
  let cache: CacheServer
  let folder: string
  let registered: Map<string, PublishedPath>
  let tainted: Set<string>
  let upstream: Set<string>
  before(async () => {
    served = await serve()
  })
  after(() => served.close())
  beforeEach(async () => {
    for await (const {key} of served.bucket.list('')) await served.bucket.delete([key])
    folder = fs.mkdtempSync(`${tmpdir()}/put-`)
    registered = new Map()
    tainted = new Set()
    upstream = new Set()
    source = bucketSource(served.bucket, {trusted: [OWN_KEY.publicKey], report: () => undefined})
    puts = putPaths({
      bucket: served.bucket, key: OWN_KEY, trusted: [OWN_KEY.publicKey, OTHER_KEY.publicKey], inBucket: source, reused: {keep: () => Promise.resolve(true)},
      nars: receivedNars(`${folder}/put`, {maxBytes: ROOM}), registered: name => registered.get(name) ?? null,
      isTainted: name => Promise.resolve(tainted.has(name)), isUpstream: hash => Promise.resolve(upstream.has(hash)), now: () => new Date(),
    })
    cache = await startCacheServer([{source, spool: null, puts}], () => Promise.resolve())
  })
  afterEach(async () => {
    await served.faults.clear()
    await cache.close()
    fs.rmSync(folder, {recursive: true})
  })

  const put = async (name: string, body: Uint8Array | string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${cache.urls[0] ?? ''}/${name}`, {method: 'PUT', body: Buffer.from(body), headers})
    return `${response.status} ${(await response.text()).trim()}`.trim()
  }

  const putBoth = async (info: NarInfo, packed = PACKED) => [await put(info.url, packed), await put(`${HASH}.narinfo`, printNarInfo(info))]
  const inBucket = async () => {
    const found: string[] = []
    for await (const {key} of served.bucket.list('')) found.push(key)
    return found
  }

  const published = async (key = keys.narinfo(HASH)) => parseNarInfo((await served.bucket.read(key, {maxBytes: 10_000}))?.bytes.toString() ?? '', key)
  const waiting = () => fs.existsSync(`${folder}/put`) ? fs.readdirSync(`${folder}/put`) : []

  it('is published, signed, where this build\'s Nix has registered it', async () => {
    registered.set(path().storePath, registeredAs(path({deriver: `${BASE}-hello.drv`})))
    expect(await putBoth(path({deriver: null}))).to.deep.equal(['200', '200'])
    const info = await published()
    expect(signerOf(info, [OWN_KEY.publicKey])?.name).to.equal(OWN_KEY.name)
    expect({...info, signatures: []}).to.deep.equal(path({deriver: `${BASE}-hello.drv`}))
    expect((await served.bucket.read(info.url, {maxBytes: 10_000_000}))?.bytes.equals(PACKED)).to.equal(true)
    expect(await inBucket()).to.have.members([keys.cacheInfo, keys.narinfo(HASH), info.url])
    expect(waiting()).to.deep.equal([])
    expect(puts.saved()).to.deep.equal([{path: path().storePath, kind: 'saved', bytes: PACKED.length}])
    // Nix asks for it again.
    expect((await fetch(`${cache.urls[0] ?? ''}/${HASH}.narinfo`)).status).to.equal(200)
    expect(await putBoth(path())).to.deep.equal(['200', '200'])
  })

  it('is published where a trusted key has signed it, with that key\'s signature', async () => {
    const theirs = signNarInfo(path(), OTHER_KEY)
    expect(await putBoth({...theirs, signatures: ['nobody-1:AAAA', ...theirs.signatures]})).to.deep.equal(['200', '200'])
    const info = await published()
    expect(signerOf(info, [OTHER_KEY.publicKey])).not.to.equal(null)
    expect(signerOf(info, [OWN_KEY.publicKey])).not.to.equal(null)
    expect(info.signatures).to.have.length(2)
  })

  it('may be compressed by gzip, xz, bzip2 or not at all', async () => {
    const packers: [compression: string, ending: string, pack: (nar: Buffer<ArrayBuffer>) => Buffer<ArrayBuffer>][] = [
      ['gzip', 'nar.gz', nar => Buffer.from(gzipSync(nar))], ['xz', 'nar.xz', nar => Buffer.from(execFileSync('xz', ['--stdout'], {input: nar}))],
      ['bzip2', 'nar.bz2', nar => Buffer.from(execFileSync('bzip2', ['--stdout'], {input: nar}))], ['none', 'nar', nar => nar],
    ]
    for (const [compression, ending, pack] of packers) {
      const packed = pack(NAR)
      const info = signNarInfo(path({compression, url: `nar/${nameOf(packed, ending)}`}, {packed}), OTHER_KEY)
      await served.bucket.delete([keys.narinfo(HASH)])
      source.forget(HASH)
      expect(await putBoth(info, packed), compression).to.deep.equal(['200', '200'])
      expect(await published()).to.include({compression, url: info.url})
    }
  })

  it('is written over what cannot be used', async () => {
    await served.bucket.put(keys.narinfo(HASH), Buffer.from(printNarInfo(path({narSize: 7}))))
    expect((await fetch(`${cache.urls[0] ?? ''}/${HASH}.narinfo`)).status).to.equal(404)
    expect(await putBoth(signNarInfo(path(), OTHER_KEY))).to.deep.equal(['200', '200'])
    expect(await published()).to.include({narSize: NAR.length})
  })

  it('goes to our dynos alone where it, or what it refers to, holds their paths', async () => {
    tainted.add(`${BASE}-base`)
    const base = signNarInfo(path({storePath: BASE_PATH}), OTHER_KEY)
    expect([await put(base.url, PACKED), await put(`${BASE}.narinfo`, printNarInfo(base))]).to.deep.equal(['200', '200'])
    expect(await putBoth(signNarInfo(path({references: [BASE_PATH]}), OTHER_KEY))).to.deep.equal(['200', '200'])
    expect((await inBucket()).filter(key => key.endsWith('.narinfo'))).to.have.members([keys.ownCache(keys.narinfo(BASE)), keys.ownCache(keys.narinfo(HASH))])
  })

  it('need not be put again where another path has the same NAR', async () => {
    expect(await putBoth(signNarInfo(path(), OTHER_KEY))).to.deep.equal(['200', '200'])
    const head = await fetch(`${cache.urls[0] ?? ''}/${path().url}`, {method: 'HEAD'})
    expect([head.status, head.headers.get('content-length')]).to.deep.equal([200, String(PACKED.length)])
    expect(await put(`${BASE}.narinfo`, printNarInfo(signNarInfo(path({storePath: BASE_PATH}), OTHER_KEY)))).to.equal('200')
    expect((await published(keys.narinfo(BASE))).url).to.equal(path().url)
    expect((await fetch(`${cache.urls[0] ?? ''}/nar/${'0'.repeat(52)}.nar.zst`, {method: 'HEAD'})).status).to.equal(404)
  })

  it('may refer to what stays upstream', async () => {
    upstream.add(BASE)
    expect(await putBoth(signNarInfo(path({references: [BASE_PATH]}), OTHER_KEY))).to.deep.equal(['200', '200'])
  })

  const other = Buffer.concat([NAR.subarray(1), Buffer.from('!')])
  const bomb = zstdCompressSync(Buffer.alloc(50_000_000))
  const refused: [what: string, info: NarInfo, packed: Buffer | null, answer: RegExp][] = [
    ['that nobody vouches for', path(), PACKED, /^403 \/nix\/store\/\w+-hello is not registered by this build's Nix, nor signed by a key that it trusts, so it is not taken\. Try: /],
    ['with a forged signature', {...signNarInfo(path(), OTHER_KEY), narSize: 7}, PACKED, /^403 /],
    ['with a NAR that was never put', signNarInfo(path(), OTHER_KEY), null, /^400 the NAR nar\/\w{52}\.nar\.zst of \/nix\/store\/\S+ was not put\.$/],
    ['with another NAR', signNarInfo(path({narHash: hashOf(other)}), OTHER_KEY), PACKED, /^400 nar\/\S+ is not the NAR of \S+: it has hash sha256:\w+; signed was sha256:\w+\.$/],
    ['with a smaller NAR than it says', signNarInfo(path({narSize: NAR.length + 1}), OTHER_KEY), PACKED, /^400 NarSize of \S+ is 210001, and its NAR has 210000 bytes\.$/],
    ['with a NAR that never ends', signNarInfo(path({}, {packed: bomb}), OTHER_KEY), bomb, /^400 nar\/\S+ is not the NAR of \S+: the NAR has more than 210000 bytes\.$/],
    ['with a NAR that is not compressed as it says', signNarInfo(path({compression: 'gzip'}), OTHER_KEY), PACKED, /^400 nar\/\S+ is not the NAR of \S+: it cannot be decompressed: /],
    ['with another FileSize', signNarInfo(path({fileSize: 1}), OTHER_KEY), PACKED, /^400 FileSize of \S+ is 1, and nar\/\S+ has \d+ bytes\.$/],
    ['with another FileHash', signNarInfo(path({fileHash: hashOf(other)}), OTHER_KEY), PACKED, /^400 FileHash of \S+ is sha256:\w+, and its URL is nar\/\S+\.$/],
    ['with a URL that leads elsewhere', signNarInfo(path({url: '../heroku/apps/x'}), OTHER_KEY), null, /^400 the URL of \S+ is "\.\.\/heroku\/apps\/x"; it must be nar\/FILEHASH\.nar\.zst or alike\.$/],
    ['that refers to what is not there', signNarInfo(path({references: [BASE_PATH]}), OTHER_KEY), PACKED, /^400 \S+ refers to \/nix\/store\/\w+-base, which is not there: put that first\.$/],
    ['of another path', signNarInfo(path({storePath: BASE_PATH}), OTHER_KEY), PACKED, /^400 \w+\.narinfo is of \/nix\/store\/\w+-base\.$/],
    ['with an unknown compression', signNarInfo(path({compression: 'lzip'}), OTHER_KEY), PACKED, /^400 A NAR is compressed with "lzip"; known are /],
  ]
  for (const [what, info, packed, answer] of refused) {
    it(`is refused: a narinfo ${what}`, async () => {
      if (packed) expect(await put(`nar/${nameOf(packed)}`, packed)).to.equal('200')
      expect(await put(`${HASH}.narinfo`, printNarInfo(info))).to.match(answer)
      expect((await inBucket()).filter(key => key !== keys.cacheInfo)).to.deep.equal([])
      expect((await fetch(`${cache.urls[0] ?? ''}/${HASH}.narinfo`)).status).to.equal(404)
    })
  }

  it('is refused where Nix has registered another one', async () => {
    registered.set(path().storePath, registeredAs(path({narHash: hashOf(other)})))
    expect((await putBoth(path()))[1]).to.match(/^403 this build's Nix has registered another \/nix\/store\/\S+, with hash sha256:\w+, and no key that it trusts has signed this one, /)
    registered.set(path().storePath, registeredAs(path({references: [BASE_PATH]})))
    expect((await putBoth(path()))[1]).to.match(/^403 /)
    expect(await inBucket()).to.deep.equal([])
  })

  const odd: [what: string, name: string, body: Buffer | string, answer: RegExp, headers?: Record<string, string>][] = [
    ['a NAR whose bytes are not what its name says', `nar/${'0'.repeat(52)}.nar.zst`, PACKED, /^400 nar\/0+\.nar\.zst is not what its name says: its hash is sha256:\w+\.$/],
    ['a NAR of another name', 'nar/x.nar.zst', PACKED, /^400 nar\/x\.nar\.zst is no name of a NAR: /],
    ['a NAR that leads elsewhere', 'nar/..%2f..%2fx', PACKED, /^400 nar\/\S+ is no name of a NAR: /],
    ['a NAR with an unknown ending', `nar/${nameOf(PACKED, 'nar.lz')}`, PACKED, /^400 /],
    ['a NAR for which there is no room', `nar/${nameOf(Buffer.alloc(ROOM + 1), 'nar')}`, Buffer.alloc(ROOM + 1), /^507 nar\/\S+ cannot be taken: there is room for 3\.8 MB, and 0 other NARs wait for their narinfos\.$/],
    ['a narinfo that is too large', `${HASH}.narinfo`, 'x'.repeat(MAX_NARINFO + 1), /^413 \S+ has more than 1048576 bytes\.$/],
    ['what is no narinfo', `${HASH}.narinfo`, 'StorePath: /etc/passwd\n', /^400 Bad narinfo \S+: StorePath is "\/etc\/passwd"\.$/],
    ['a narinfo that is cut off', `${HASH}.narinfo`, printNarInfo(path()).slice(0, -5), /^400 Bad narinfo \S+: it is cut off\.$/],
    ['a narinfo with a content encoding', `${HASH}.narinfo`, gzipSync(printNarInfo(path())), /^415 \S+ has Content-Encoding gzip; this cache takes none \(narinfo-compression\)\.$/, {'content-encoding': 'gzip'}],
    ['a nix-cache-info of another store', 'nix-cache-info', 'StoreDir: /gnu/store\n', /^400 nix-cache-info names the store "\/gnu\/store"; this one is \/nix\/store\.$/],
    ['a listing', `${HASH}.ls`, '{}', /^405 \w+\.ls is not kept here: /],
    ['what is ours', 'heroku/apps/x/builds/y/build.json', '{}', /^405 /],
  ]
  for (const [what, name, body, answer, headers] of odd) {
    it(`is refused: ${what}`, async () => {
      expect(await put(name, body, headers)).to.match(answer)
      expect(await inBucket()).to.deep.equal([])
      expect(waiting()).to.deep.equal([])
      // The connection's next request is not read out of what was left of this one.
      expect((await fetch(`${cache.urls[0] ?? ''}/nix-cache-info`)).status).to.equal(200)
    })
  }

  it('has nix-cache-info as this cache has it', async () => {
    expect(await put('nix-cache-info', 'StoreDir: /nix/store\nPriority: 5\n')).to.equal('200')
    expect((await served.bucket.read(keys.cacheInfo, {maxBytes: 1000}))?.bytes.toString()).to.equal('StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 30\n')
  })

  it('leaves nothing where the body is cut off', async () => {
    const socket = connect(cache.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write(`PUT /bucket/${path().url} HTTP/1.1\r\nHost: x\r\nContent-Length: ${PACKED.length}\r\n\r\n`)
    socket.write(PACKED.subarray(0, -1))
    const begun = async () => {
      while (waiting().length === 0) await new Promise(setImmediate)
    }
    await begun()
    socket.destroy()
    while (waiting().length > 0) await new Promise(setImmediate)
    expect((await fetch(`${cache.urls[0] ?? ''}/${path().url}`, {method: 'HEAD'})).status).to.equal(404)
    expect(await put(`${HASH}.narinfo`, printNarInfo(signNarInfo(path(), OTHER_KEY)))).to.match(/^400 the NAR \S+ of \S+ was not put\.$/)
  })

  it('can be put again after the bucket did not answer: the NAR is still there', async () => {
    const info = signNarInfo(path(), OTHER_KEY)
    expect(await put(info.url, PACKED)).to.equal('200')
    served.faults.inject({method: 'PUT', path: /\.narinfo/, times: 5, effect: {kind: 'status', status: 503}})
    expect(await put(`${HASH}.narinfo`, printNarInfo(info))).to.match(/^503 .* is too busy: s3:PutObject on \w+\.narinfo/)
    expect((await inBucket()).filter(key => key.endsWith('.narinfo'))).to.deep.equal([])
    expect(await put(`${HASH}.narinfo`, printNarInfo(info))).to.equal('200')
    expect(waiting()).to.deep.equal([])
  })

  it('is one of many at once: the same path, and different ones with one NAR', async () => {
    const info = signNarInfo(path(), OTHER_KEY)
    const twin = signNarInfo(path({storePath: BASE_PATH}), OTHER_KEY)
    expect(await put(info.url, PACKED)).to.equal('200')
    const answers = await Promise.all([...Array.from({length: 5}, () => put(`${HASH}.narinfo`, printNarInfo(info))), put(`${BASE}.narinfo`, printNarInfo(twin))])
    expect(new Set(answers)).to.deep.equal(new Set(['200']))
    expect(await inBucket()).to.have.members([keys.cacheInfo, keys.narinfo(HASH), keys.narinfo(BASE), info.url])
  })

  it('is taken by the bucket alone', async () => {
    await cache.close()
    cache = await startCacheServer([{source: {...source, name: 'upstream'}, spool: null}], () => Promise.resolve())
    expect(await put(`${HASH}.narinfo`, printNarInfo(path()))).to.equal('405 PUT is not for this cache.')
  })

  it('is named where a sweep took it away in the same moment', async () => {
    const clock = {now: new Date()}
    const bucket = clockedBucket(clock)
    const store = await smallStore(`${folder}/nix`, [])
    const said: string[] = []
    const whole = await startClosureCache({
      bucket, key: OWN_KEY, flags: ['--option', 'substituters', '', '--option', 'trusted-public-keys', formatPublicKey(OTHER_KEY.publicKey)], upstream: 'copy',
      folder: `${folder}/spool`, hookFile: `${folder}/hook`, canonical: store.canonical, database: store.database,
      report: text => said.push(text), wait: () => Promise.resolve(), now: () => clock.now, signal: new AbortController().signal,
    })
    try {
      whole.watch()
      const url = whole.substituters.urls[0] ?? ''
      const info = signNarInfo(path(), OTHER_KEY)
      for (const [name, body] of [[info.url, PACKED], [`${HASH}.narinfo`, printNarInfo(info)]] as const) {
        expect((await fetch(`${url}/${name}`, {method: 'PUT', body: Buffer.from(body)})).status).to.equal(200)
      }

      bucket.objects.delete(info.url)
      await bucket.put(keys.sweep, Buffer.from(JSON.stringify({version: 1, sweep: 's', state: 'done', at: clock.now.toISOString()})))
      expect(await whole.finish()).to.deep.equal([{path: info.storePath, kind: 'saved', bytes: PACKED.length}])
      expect(said).to.include(`${info.storePath} was swept (nix:cache:gc) while it was put, and is not in the bucket: put it again.`)
    } finally {
      await whole.close()
    }
  })
})
