import {expect} from 'chai'
import fs from 'node:fs'
import {createServer, type RequestListener, type Server} from 'node:http'
import {once} from 'node:events'
import {tmpdir} from 'node:os'
import type {AddressInfo} from 'node:net'
import {gzipSync, zstdCompressSync} from 'node:zlib'
import {bucketSource, type BucketSource} from '../../../src/dyno/cache/bucket-source.ts'
import {startCacheServer, type CacheServer} from '../../../src/dyno/cache/cache-server.ts'
import {spool, type Spool} from '../../../src/dyno/cache/spool.ts'
import {upstreamClient} from '../../../src/dyno/cache/upstream-client.ts'
import {upstreamSource} from '../../../src/dyno/cache/upstream-source.ts'
import {contentHash} from '../../../src/lib/closure/content-hash.ts'
import {signNarInfo} from '../../../src/lib/closure/narinfo-signature.ts'
import {MAX_NARINFO, parseNarInfo, printNarInfo, type NarInfo} from '../../../src/lib/closure/narinfo.ts'
import type {SecretKey} from '../../../src/lib/signing/nix-key.ts'
import {narInfo, OTHER_KEY, OWN_KEY} from '../../lib/closure/support/narinfos.ts'
import {serve, type Served} from '../../lib/bucket/served.ts'

const HASH = '1q8w6gl1ll0mwfkqc3c2yx005s6wwfrl'
const NAR = Buffer.from('any bytes: a cache looks at hashes alone. '.repeat(5000))
const NARINFO = `${HASH}.narinfo`

function hashOf(bytes: Uint8Array): string {
  const hash = contentHash()
  hash.update(bytes)
  return hash.digest()
}

/** A signed path; `packed` is what lies at its URL. */
function path(change: Partial<NarInfo> = {}, {key = OWN_KEY, packed = zstdCompressSync(NAR)}: {key?: SecretKey; packed?: Buffer} = {}): NarInfo {
  return signNarInfo(narInfo({url: 'nar/x.nar.zst', fileHash: hashOf(packed), fileSize: packed.length, narHash: hashOf(NAR), narSize: NAR.length, ...change}), key)
}

describe('the cache on loopback', () => {
  let said: string[]
  let cache: CacheServer
  const report = (text: string) => void said.push(text)
  beforeEach(() => {
    said = []
  })
  afterEach(() => cache.close())

  const ask = (source: number, name: string, options: RequestInit = {}) => fetch(`${cache.urls[source] ?? ''}/${name}`, options)
  const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer())

  describe('with the bucket', () => {
    let served: Served
    let source: BucketSource
    before(async () => {
      served = await serve()
    })
    after(() => served.close())
    beforeEach(async () => {
      source = bucketSource(served.bucket, {trusted: [OWN_KEY.publicKey], report})
      cache = await startCacheServer([{source, spool: null}], () => Promise.resolve())
      await served.bucket.delete([NARINFO, 'nar/x.nar.zst', `heroku/cache/${NARINFO}`, 'heroku/cache/nar/x.nar.zst'])
    })

    const put = async (info: NarInfo, packed: Buffer = zstdCompressSync(NAR), prefix = '') => {
      await served.bucket.put(`${prefix}${info.url}`, packed)
      await served.bucket.put(`${prefix}${NARINFO}`, Buffer.from(printNarInfo(info)))
    }

    it('is a binary cache that is asked before others', async () => {
      expect(await (await ask(0, 'nix-cache-info')).text()).to.equal('StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 10\n')
    })

    it('gives a signed path, its NAR whole, in part and by HEAD', async () => {
      await put(path())
      const info = parseNarInfo(await (await ask(0, NARINFO)).text(), 'it')
      expect(info).to.deep.equal({...path(), url: `nar/${HASH}.nar.zst`})
      const packed = zstdCompressSync(NAR)
      const whole = await ask(0, info.url)
      expect(whole.headers.get('content-length')).to.equal(String(packed.length))
      expect(await bytesOf(whole)).to.deep.equal(packed)
      const part = await ask(0, info.url, {headers: {range: 'bytes=10-19'}})
      expect({status: part.status, range: part.headers.get('content-range'), bytes: await bytesOf(part)})
        .to.deep.equal({status: 206, range: `bytes 10-19/${packed.length}`, bytes: packed.subarray(10, 20)})
      const head = await ask(0, info.url, {method: 'HEAD'})
      expect([head.status, head.headers.get('content-length')]).to.deep.equal([200, String(packed.length)])
      expect((await ask(0, NARINFO, {method: 'HEAD'})).status).to.equal(200)
      expect((await ask(0, NARINFO, {method: 'DELETE'})).status).to.equal(405)
      expect(said).to.deep.equal([])
    })

    it('gives what only our dynos may have', async () => {
      await put(path(), zstdCompressSync(NAR), 'heroku/cache/')
      expect((await ask(0, NARINFO)).status).to.equal(200)
      expect((await bytesOf(await ask(0, `nar/${HASH}.nar.zst`))).equals(zstdCompressSync(NAR))).to.equal(true)
      expect(await source.holding(HASH)).to.deep.include({kind: 'good', shelf: 'own', info: path()})
    })

    it('has 404 for what is not there, and asks the bucket once', async () => {
      const [first, second] = await Promise.all([ask(0, NARINFO), ask(0, NARINFO)])
      expect([first.status, second.status]).to.deep.equal([404, 404])
      await put(path())
      expect((await ask(0, NARINFO)).status).to.equal(404)
      expect(said).to.deep.equal([])
    })

    const key = `${NARINFO} in bucket example-bucket is refused: `
    const packed: Buffer = zstdCompressSync(NAR)
    const other: Buffer = zstdCompressSync(Buffer.concat([NAR.subarray(1), Buffer.from('!')]))
    const bomb: Buffer = zstdCompressSync(Buffer.alloc(50_000_000))
    const bad: [what: string, info: NarInfo, nar: Buffer, message: RegExp][] = [
      ['a narinfo that nobody signed', {...path(), signatures: []}, packed, /is not signed\.$/],
      ['a narinfo with another size', {...path(), narSize: 7}, packed, /the signature of example-app-1 on \S+ is forged\.$/],
      ['a narinfo signed with another key of that name', path({}, {key: {...OTHER_KEY, name: OWN_KEY.name}}), packed, /is forged\.$/],
      ['a narinfo signed by somebody else', path({}, {key: OTHER_KEY}), packed, /is signed by cache\.example\.org-1 alone\.$/],
      ['another path\'s narinfo', path({storePath: '/nix/store/2q8w6gl1ll0mwfkqc3c2yx005s6wwfrl-hello'}), packed, /it is of \/nix\/store\/2q8w6gl1ll0mwfkqc3c2yx005s6wwfrl-hello\.$/],
      ['a URL that leads to what is ours', path({url: '../heroku/apps/x'}), packed, /its URL is "\.\.\/heroku\/apps\/x"\.$/],
    ]
    for (const [what, info, nar, message] of bad) {
      it(`refuses ${what}`, async () => {
        await served.bucket.put('nar/x.nar.zst', nar)
        await served.bucket.put(NARINFO, Buffer.from(printNarInfo(info)))
        expect((await ask(0, NARINFO)).status).to.equal(404)
        expect((await ask(0, `nar/${HASH}.nar.zst`)).status).to.equal(404)
        expect(said).to.have.length(1)
        expect(said[0]).to.match(message).and.to.satisfy((text: string) => text.startsWith(key))
        expect(await source.holding(HASH)).to.have.property('kind', 'refused')
      })
    }

    const wrong: [what: string, info: NarInfo, nar: Buffer, message: RegExp][] = [
      ['a NAR that was replaced', path(), other, /its (compressed NAR has hash sha256:\w+, not sha256:\w+|NAR has more than \d+ bytes)\.$/],
      ['a NAR and its compressed hash that were replaced', {...path(), fileHash: hashOf(other), fileSize: other.length}, other, /its NAR has hash sha256:\w+; signed was sha256:\w+\.$/],
      ['a NAR that is cut off', {...path(), fileHash: null, fileSize: null}, packed.subarray(0, -9), /its NAR (has hash|cannot be decompressed)/],
      ['a NAR of which there is too much', {...path(), fileHash: hashOf(bomb), fileSize: bomb.length}, bomb, /its NAR has more than the 210000 bytes that were signed\.$/],
      ['something that is not compressed', {...path(), fileHash: hashOf(NAR), fileSize: NAR.length}, NAR, /its NAR cannot be decompressed: /],
    ]
    for (const [what, info, nar, message] of wrong) {
      it(`gives nothing of ${what}, and does not offer the path again`, async () => {
        await put(info, nar)
        expect((await ask(0, NARINFO)).status).to.equal(200)
        const got = await ask(0, `nar/${HASH}.nar.zst`).then(async response => ({status: response.status, bytes: await bytesOf(response)})).catch(() => null)
        if (got?.status !== 404) expect(got, 'it is neither broken off nor refused').to.equal(null)
        expect(said[0]).to.match(message)
        expect((await ask(0, NARINFO)).status).to.equal(404)
      })
    }

    it('refuses a narinfo that is too large, alone, and what was built is written over it', async () => {
      await served.bucket.put(NARINFO, Buffer.from(`${printNarInfo(path())}${'x'.repeat(MAX_NARINFO)}: y\n`))
      const other = '2q8w6gl1ll0mwfkqc3c2yx005s6wwfrl'
      await served.bucket.put(`${other}.narinfo`, Buffer.from(printNarInfo(path({storePath: `/nix/store/${other}-hello`}))))
      expect((await ask(0, NARINFO)).status).to.equal(404)
      expect(said).to.deep.equal([`${key}it has more than 1048576 bytes.`])
      expect((await ask(0, `${other}.narinfo`)).status).to.equal(200)
      const holding = await source.holding(HASH)
      expect(holding).to.deep.equal({kind: 'refused', shelf: 'shared', replace: {condition: {etag: (await served.bucket.head(NARINFO))?.etag}, info: null}})
    })

    it('refuses a path whose NAR is gone', async () => {
      await served.bucket.put(NARINFO, Buffer.from(printNarInfo(path())))
      expect((await ask(0, `nar/${HASH}.nar.zst`)).status).to.equal(404)
      expect(said).to.deep.equal([`${key}its NAR nar/x.nar.zst is not there.`])
    })
  })

  describe('with a cache upstream', () => {
    let upstream: Server
    let handler: RequestListener
    let requests: string[]
    let folder: string
    let kept: Spool
    const waited: number[] = []
    beforeEach(async () => {
      requests = []
      upstream = createServer((request, response) => {
        requests.push(request.url ?? '')
        handler(request, response)
      })
      upstream.listen(0, '127.0.0.1')
      await once(upstream, 'listening')
      folder = fs.mkdtempSync(`${tmpdir()}/spool-`)
      kept = spool(`${folder}/spool`, 2 ** 30)
      await start(`http://user:secret@127.0.0.1:${(upstream.address() as AddressInfo).port}/sub`)
    })
    afterEach(() => {
      upstream.close()
      upstream.closeAllConnections()
      fs.rmSync(folder, {recursive: true})
    })

    async function start(url: string): Promise<void> {
      const client = upstreamClient(url, {wait: ms => {
        waited.push(ms)
        return Promise.resolve()
      }, waits: [1, 2], answerMs: 2000})
      cache = await startCacheServer([{source: upstreamSource(url, 'upstream', {client, trusted: [OWN_KEY.publicKey], report}), spool: kept}], () => Promise.resolve())
    }

    const having = (objects: Record<string, Buffer | string>): RequestListener => (request, response) => {
      const body = {'/sub/nix-cache-info': 'StoreDir: /nix/store\n', ...objects}[request.url ?? '']
      response.writeHead(body === undefined ? 404 : 200).end(body)
    }

    it('passes on its bytes and signatures, and keeps a copy', async () => {
      const packed = gzipSync(NAR)
      const info = path({compression: 'gzip', url: 'deep/x?y=1'}, {packed})
      handler = having({[`/sub/${NARINFO}`]: printNarInfo(info), '/sub/deep/x?y=1': packed})
      const got = parseNarInfo(await (await ask(0, NARINFO)).text(), 'it')
      expect(got).to.deep.equal({...info, url: `nar/${HASH}.nar.gz`})
      expect(await bytesOf(await ask(0, got.url))).to.deep.equal(packed)
      const copy = kept.take(HASH)
      expect(copy).to.include({compression: 'gzip', fileHash: hashOf(packed), fileSize: packed.length})
      expect(fs.readFileSync((copy?.body as {file: string}).file)).to.deep.equal(packed)
      expect(said).to.deep.equal([])
    })

    it('gives its password to no other host that a narinfo leads to', async () => {
      const packed = gzipSync(NAR)
      const asked: Record<string, string | undefined> = {}
      const elsewhere = createServer((request, response) => {
        asked[`elsewhere ${request.url ?? ''}`] = request.headers.authorization
        response.end(packed)
      }).listen(0, '127.0.0.1')
      await once(elsewhere, 'listening')
      try {
        const url = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/x`
        const found = having({[`/sub/${NARINFO}`]: printNarInfo(path({compression: 'gzip', url}, {packed}))})
        handler = (request, response) => {
          asked[request.url ?? ''] = request.headers.authorization
          found(request, response)
        }
        expect(await bytesOf(await ask(0, `nar/${HASH}.nar.gz`))).to.deep.equal(packed)
      } finally {
        elsewhere.close()
        elsewhere.closeAllConnections()
      }

      const basic = `Basic ${Buffer.from('user:secret').toString('base64')}`
      expect(asked).to.deep.equal({'/sub/nix-cache-info': basic, [`/sub/${NARINFO}`]: basic, 'elsewhere /x': undefined})
    })

    it('refuses a narinfo that is too large, alone', async () => {
      const other = '2q8w6gl1ll0mwfkqc3c2yx005s6wwfrl'
      const references = Array.from({length: 180_000}, () => `${'0'.repeat(32)}-${'x'.repeat(24)}`).join(' ')
      handler = having({
        [`/sub/${NARINFO}`]: `${printNarInfo(path())}References: ${references}\n`, [`/sub/${other}.narinfo`]: printNarInfo(path({storePath: `/nix/store/${other}-hello`})),
      })
      expect((await ask(0, NARINFO)).status).to.equal(404)
      expect(said.join()).to.match(/\/sub\/\w+\.narinfo is refused: it has more than 1048576 bytes\.$/)
      expect((await ask(0, `${other}.narinfo`)).status).to.equal(200)
    })

    it('gives its password to no host that it is redirected to', async () => {
      const packed = gzipSync(NAR)
      const asked: (string | undefined)[] = []
      const elsewhere = createServer((request, response) => {
        asked.push(request.headers.authorization)
        response.end(packed)
      }).listen(0, '127.0.0.1')
      await once(elsewhere, 'listening')
      try {
        const target = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/x`
        const found = having({[`/sub/${NARINFO}`]: printNarInfo(path({compression: 'gzip', url: 'moved'}, {packed}))})
        handler = (request, response) => {
          if (request.url === '/sub/moved') response.writeHead(302, {location: target}).end()
          else found(request, response)
        }
        expect(await bytesOf(await ask(0, `nar/${HASH}.nar.gz`))).to.deep.equal(packed)
      } finally {
        elsewhere.close()
        elsewhere.closeAllConnections()
      }

      expect(asked).to.deep.equal([undefined])
    })

    it('is not believed how long a NAR is', async () => {
      const packed = zstdCompressSync(NAR)
      const info = printNarInfo({...path({url: 'x'}), fileHash: null, fileSize: null})
      for (const [what, length] of [['too short', packed.length - 9], ['too long', packed.length + 9]] as const) {
        await cache.close()
        await start(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}/sub`)
        const found = having({[`/sub/${NARINFO}`]: info})
        handler = (request, response) => {
          // Node itself would not write another length than it says.
          if (request.url !== '/sub/x') found(request, response)
          else response.socket?.end(Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`), packed]))
        }
        const got = await ask(0, `nar/${HASH}.nar.zst`).then(async response => ({status: response.status, bytes: await bytesOf(response)})).catch(() => null)
        if (got?.status !== 404) expect(got, `${what}: it is neither broken off nor refused`).to.equal(null)
        expect(fs.readdirSync(`${folder}/spool`), what).to.deep.equal([])
      }
    })

    it('may encode a NAR on its way, which has another length then', async () => {
      const packed = gzipSync(NAR)
      const encoded = gzipSync(packed)
      const found = having({[`/sub/${NARINFO}`]: printNarInfo(path({compression: 'gzip', url: 'x'}, {packed}))})
      handler = (request, response) => {
        if (request.url === '/sub/x') response.writeHead(200, {'content-encoding': 'gzip', 'content-length': encoded.length}).end(encoded)
        else found(request, response)
      }
      const answer = await ask(0, `nar/${HASH}.nar.gz`)
      expect(answer.headers.get('content-length')).to.equal(null)
      expect((await bytesOf(answer)).equals(packed)).to.equal(true)
      expect(said).to.deep.equal([])
    })

    it('gives nothing of a wrong NAR and keeps none', async () => {
      handler = having({[`/sub/${NARINFO}`]: printNarInfo(path({url: 'x'})), '/sub/x': zstdCompressSync(Buffer.from('other'))})
      const got = await ask(0, `nar/${HASH}.nar.zst`).then(response => response.status).catch(() => 'broken')
      expect(got).to.be.oneOf([404, 'broken'])
      expect(kept.take(HASH)).to.equal(null)
      expect(fs.readdirSync(`${folder}/spool`)).to.deep.equal([])
      expect(said.join()).to.match(/^http:\/\/127\.0\.0\.1:\d+\/sub\/\w+\.narinfo is refused: its compressed NAR has hash/)
    })

    it('asks for what is not there once', async () => {
      handler = having({})
      expect((await ask(0, NARINFO)).status).to.equal(404)
      expect((await ask(0, NARINFO)).status).to.equal(404)
      expect(requests).to.deep.equal(['/sub/nix-cache-info', `/sub/${NARINFO}`])
    })

    it('asks once one that cannot be reached, and says so once, without the password', async () => {
      await cache.close()
      const gone = createServer().listen(0, '127.0.0.1')
      await once(gone, 'listening')
      const {port} = gone.address() as AddressInfo
      await once(gone.close(), 'close')
      await start(`http://user:secret@127.0.0.1:${port}`)
      const answers = await Promise.all(['1', '2', '3'].map(n => ask(0, NARINFO.replace('1', n))))
      expect(answers.map(({status}) => status)).to.deep.equal([404, 404, 404])
      expect(said).to.deep.equal([`http://127.0.0.1:${port} cannot be used in this build (ECONNREFUSED): what it has is built here.`])
    })

    it('tries again where it is busy, and gives up in time', async () => {
      let busy = 3
      const found = having({[`/sub/${NARINFO}`]: printNarInfo(path())})
      handler = (request, response) => {
        if (busy-- > 0) response.writeHead(503).end()
        else found(request, response)
      }
      expect((await ask(0, NARINFO)).status).to.equal(404)
      expect(said.join()).to.match(/cannot be used in this build \(it answers with status 503\)/)
      expect(requests).to.have.length(3)
      expect((await ask(0, '2'.repeat(32) + '.narinfo')).status).to.equal(404)
      expect(requests).to.have.length(3)
    })

    it('is not taken for a cache when it is something else, or has another store', async () => {
      handler = having({'/sub/nix-cache-info': 'StoreDir: /gnu/store\n'})
      expect((await ask(0, NARINFO)).status).to.equal(404)
      expect(said.join()).to.include('(its store is /gnu/store)')
    })

    it('says which key it signs with when that is not trusted, once for all its paths', async () => {
      handler = having({[`/sub/${NARINFO}`]: printNarInfo(path({}, {key: OTHER_KEY}))})
      expect((await ask(0, NARINFO)).status).to.equal(404)
      expect(said.join()).to.match(/\/sub signs with cache\.example\.org-1, which is not trusted, so nothing is taken from there\.\nTry: --option extra-trusted-public-keys "cache\.example\.org-1:\.\.\."/)
    })
  })
})
