import {ListMultipartUploadsCommand, S3Client} from '@aws-sdk/client-s3'
import {expect} from 'chai'
import {createHash, randomBytes} from 'node:crypto'
import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {Readable} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import {inspect} from 'node:util'
import type {S3Bucket} from '../../../src/lib/bucket/s3-bucket.ts'
import {NixError} from '../../../src/lib/errors.ts'
import {serve, type Served} from './served.ts'

const MiB = 1024 * 1024
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

async function failureOf(request: Promise<unknown>): Promise<NixError> {
  try {
    await request
  } catch (error) {
    expect(error).to.be.instanceOf(NixError)
    return error as NixError
  }

  throw new Error('It did not fail.')
}

describe('s3Bucket', () => {
  let served: Served
  before(async () => {
    served = await serve()
  })
  afterEach(() => served.faults.clear())
  after(() => served.close())

  it('gives back what it stored, with one ETag for all that know it', async () => {
    const {bucket} = served
    const stored = await bucket.put('a/b c+d', Buffer.from('hello'), {contentType: 'text/plain'})
    expect(stored.kind).to.equal('stored')
    const etag = stored.kind === 'stored' ? stored.etag : ''
    expect(etag).to.match(/^[0-9a-f]{32}$/)
    expect(await bucket.read('a/b c+d', {maxBytes: 100})).to.deep.equal({bytes: Buffer.from('hello'), etag, modifiedAt: (await bucket.head('a/b c+d'))?.modifiedAt})
    const head = await bucket.head('a/b c+d')
    expect(head).to.include({key: 'a/b c+d', size: 5, etag})
    expect(head?.modifiedAt.getTime()).to.be.closeTo(Date.now(), 60_000)
  })

  it('touches what is there: its time is new, its bytes and type are not', async () => {
    const {bucket} = served
    served.shiftClock(-600_000)
    await bucket.put('touched +é/x', Buffer.from('hello'), {contentType: 'text/x-nix-narinfo'})
    const before = await bucket.head('touched +é/x')
    served.shiftClock(0)
    expect(await bucket.touch('touched +é/x')).to.equal(true)
    const after = await bucket.head('touched +é/x')
    expect((after?.modifiedAt.getTime() ?? 0) - (before?.modifiedAt.getTime() ?? 0)).to.be.at.least(600_000)
    expect({...after, modifiedAt: null}).to.deep.equal({...before, modifiedAt: null})
    expect((await bucket.read('touched +é/x', {maxBytes: 9}))?.bytes.toString()).to.equal('hello')
    expect(await bucket.touch('touched, but missing')).to.equal(false)
  })

  it('gives null for a key that is missing', async () => {
    expect(await served.bucket.head('missing')).to.equal(null)
    expect(await served.bucket.read('missing', {maxBytes: 1})).to.equal(null)
    expect(await served.bucket.stream('missing')).to.equal(null)
  })

  it('refuses to read more than it was asked to hold', async () => {
    await served.bucket.put('large', Buffer.alloc(1000))
    const error = await failureOf(served.bucket.read('large', {maxBytes: 999}))
    expect(error.message).to.equal('large in bucket example-bucket has 1000 bytes; at most 999 were expected.')
  })

  it('streams a range', async () => {
    await served.bucket.put('digits', Buffer.from('0123456789'))
    const part = await served.bucket.stream('digits', {range: [2, 4]})
    expect(part?.size).to.equal(3)
    expect((await buffer(part?.body ?? Readable.from([]))).toString()).to.equal('234')
  })

  it('fills memory from anywhere in an object, and says how much there was', async () => {
    await served.bucket.put('digits', Buffer.from('0123456789'))
    const into = Buffer.alloc(4, '-')
    expect(await served.bucket.fill('digits', into, {from: 2})).to.equal(4)
    expect(into.toString()).to.equal('2345')
    expect(await served.bucket.fill('digits', into, {from: 8})).to.equal(2)
    expect(into.toString()).to.equal('8945')
    expect(await served.bucket.fill('missing', into, {from: 0})).to.equal(null)
  })

  it('fills memory where the connection was cut, and gives up where it always breaks', async () => {
    const bytes = randomBytes(3 * MiB)
    await served.bucket.put('cut-fill', bytes)
    served.faults.inject({method: 'GET', path: /cut-fill/, times: 2, effect: {kind: 'reset-response', afterBytes: 500_000}})
    const into = Buffer.alloc(2 * MiB)
    expect(await served.bucket.fill('cut-fill', into, {from: 1000})).to.equal(2 * MiB)
    expect(into.equals(bytes.subarray(1000, 1000 + 2 * MiB))).to.equal(true)
    served.faults.inject({method: 'GET', path: /cut-fill/, times: 200, effect: {kind: 'reset-response', afterBytes: 1024}})
    expect(await failureOf(served.client({}, {attempts: 3}).fill('cut-fill', into, {from: 0}))).to.include({code: 'BUCKET_UNREACHABLE'})
    await served.faults.clear()
  })

  it('ends filling memory when it is told to, and does not begin anew', async () => {
    await served.bucket.put('stalling', randomBytes(3 * MiB))
    served.faults.inject({method: 'GET', path: /stalling/, times: 200, effect: {kind: 'stall'}})
    const ending = new AbortController()
    const filling = served.bucket.fill('stalling', Buffer.alloc(3 * MiB), {from: 0, signal: ending.signal})
    ending.abort()
    await failureOf(filling)
    await served.faults.clear()
  })

  it('writes once: of many at the same time one is stored and the others are refused', async () => {
    const results = await Promise.all(Array.from({length: 16}, (_, n) => served.bucket.put('once', Buffer.from(`writer ${n}`), {condition: 'absent'})))
    expect(results.filter(({kind}) => kind === 'stored')).to.have.length(1)
    expect(results.filter(({kind}) => kind === 'refused')).to.have.length(15)
  })

  it('changes only what it has read, and refuses where that is gone', async () => {
    const {bucket} = served
    const first = await bucket.put('record', Buffer.from('1'))
    const etag = first.kind === 'stored' ? first.etag : ''
    expect((await bucket.put('record', Buffer.from('2'), {condition: {etag}})).kind).to.equal('stored')
    expect(await bucket.put('record', Buffer.from('3'), {condition: {etag}})).to.deep.equal({kind: 'refused'})
    await bucket.delete(['record'])
    expect(await bucket.put('record', Buffer.from('4'), {condition: {etag}})).to.deep.equal({kind: 'refused'})
  })

  for (const [what, size] of [['nothing', 0], ['less than a part', 1000], ['exactly a part', 8 * MiB], ['several parts', 20 * MiB + 7]] as const) {
    it(`stores a stream of unknown length: ${what}`, async () => {
      const bytes = randomBytes(size)
      const result = await served.bucket.put(`stream-${size}`, {stream: Readable.from(function* () {
        for (let at = 0; at < size; at += 100_000) {
          yield bytes.subarray(at, at + 100_000)
        }
      }())}, {condition: 'absent'})
      expect(result.kind).to.equal('stored')
      const back = await served.bucket.stream(`stream-${size}`)
      expect(sha256(await buffer(back?.body ?? Readable.from([])))).to.equal(sha256(bytes))
      expect(await served.bucket.put(`stream-${size}`, {stream: Readable.from([Buffer.from('x')])}, {condition: 'absent'})).to.deep.equal({kind: 'refused'})
    })
  }

  it('stores nothing of a stream that fails in the middle', async () => {
    const stream = Readable.from((async function* () {
      yield Buffer.alloc(9 * MiB)
      await Promise.resolve()
      throw new Error('broken')
    })())
    await failureOf(served.bucket.put('broken', {stream}))
    expect(await served.bucket.head('broken')).to.equal(null)
  })

  describe('of a file of up to 64 MiB', () => {
    const bytes = randomBytes(20 * MiB)
    let file: string
    before(async () => {
      file = join(served.dir, 'file')
      await writeFile(file, bytes)
    })

    it('sends it in one request, again as often as it must', async () => {
      const sent: number[] = []
      served.faults.inject({method: 'PUT', path: /file/, times: 2, effect: {kind: 'status', status: 503}})
      served.faults.inject({method: 'PUT', path: /file/, effect: {kind: 'reset-request', afterBytes: 100_000}})
      const stored = await served.bucket.put('file', {file}, {onSent: bytes => sent.push(bytes)})
      expect(stored).to.deep.equal({kind: 'stored', etag: createHash('md5').update(bytes).digest('hex')})
      const back = await served.bucket.stream('file')
      expect(sha256(await buffer(back?.body ?? Readable.from([])))).to.equal(sha256(bytes))
      expect(sent.at(-1)).to.equal(bytes.length)
    })

    it('gives up where that never helps, and stores nothing', async () => {
      served.faults.inject({method: 'PUT', path: /hopeless/, times: Infinity, effect: {kind: 'reset-request', afterBytes: 100_000}})
      expect(await failureOf(served.client({}, {attempts: 2}).put('hopeless', {file}))).to.include({code: 'BUCKET_UNREACHABLE'})
      expect(await served.bucket.head('hopeless')).to.equal(null)
    })

    it('finds its own where the answer was lost', async () => {
      served.faults.inject({method: 'PUT', path: /unheard/, effect: {kind: 'lose-response'}})
      expect(await served.bucket.put('unheard', {file}, {condition: 'absent'})).to.deep.equal({kind: 'refused'})
      expect((await served.bucket.head('unheard'))?.size).to.equal(bytes.length)
    })

    it('stores one of several at the same time', async () => {
      const results = await Promise.all(Array.from({length: 4}, () => served.bucket.put('one-file', {file}, {condition: 'absent'})))
      expect(results.filter(({kind}) => kind === 'stored')).to.have.length(1)
    })

    it('is refused by the store where it is not what its hash says', async () => {
      expect(await failureOf(served.bucket.put('other', {file}, {sha256: '0'.repeat(64)}))).to.have.property('message').that.includes('XAmzContentSHA256Mismatch')
      expect(await served.bucket.head('other')).to.equal(null)
    })

    it('says what is wrong with a file that has gone', async () => {
      const error = await served.bucket.put('none', {file: `${file}-gone`}).then(() => null, (error: unknown) => error)
      expect(String(error)).to.include('ENOENT')
    })
  })

  /** What would take a file of 64 MiB takes one of 8. */
  const inParts = () => served.client({}, {maxPut: 8 * MiB})

  it('sends a file again whose part was answered with 503, and one that was cut off', async () => {
    const file = join(served.dir, 'layer')
    const bytes = randomBytes(20 * MiB)
    await writeFile(file, bytes)
    served.faults.inject({method: 'PUT', path: /partNumber=2/, times: 2, effect: {kind: 'status', status: 503}})
    served.faults.inject({method: 'PUT', path: /partNumber=1/, effect: {kind: 'reset-request', afterBytes: 100_000}})
    await inParts().put('file', {file})
    const back = await served.bucket.stream('file')
    expect(sha256(await buffer(back?.body ?? Readable.from([])))).to.equal(sha256(bytes))
  })

  for (const [what, size] of [['nothing', 0], ['exactly a part', 8 * MiB], ['a byte more', 8 * MiB + 1], ['exactly two parts', 16 * MiB], ['more parts than are sent at once', 36 * MiB + 7]] as const) {
    it(`stores a file: ${what}`, async () => {
      const file = join(served.dir, `file-${size}`)
      const bytes = randomBytes(size)
      await writeFile(file, bytes)
      const sent: number[] = []
      const stored = await inParts().put(`file-${size}`, {file}, {condition: 'absent', onSent: count => sent.push(count)})
      expect(stored).to.deep.equal({kind: 'stored', etag: (await served.bucket.head(`file-${size}`))?.etag})
      const back = await served.bucket.stream(`file-${size}`)
      expect(sha256(await buffer(back?.body ?? Readable.from([])))).to.equal(sha256(bytes))
      if (size > 8 * MiB) expect({parts: sent.length, last: sent.at(-1)}).to.deep.equal({parts: Math.ceil(size / (8 * MiB)), last: size})
      expect(await served.bucket.put(`file-${size}`, {file}, {condition: 'absent'})).to.deep.equal({kind: 'refused'})
    })
  }

  it('leaves no part of a file behind that could not be sent whole', async () => {
    const file = join(served.dir, 'unsent')
    await writeFile(file, randomBytes(20 * MiB))
    served.faults.inject({method: 'PUT', path: /unsent.*partNumber=2/, times: 100, effect: {kind: 'status', status: 503}})
    const error = await failureOf(served.client({}, {attempts: 2, maxPut: 8 * MiB}).put('unsent', {file}))
    expect(error.code).to.equal('BUCKET_BUSY')
    const {key, secret, region, endpoint, bucket} = served.config
    const client = new S3Client({region, endpoint: endpoint ?? '', forcePathStyle: true, credentials: {accessKeyId: key, secretAccessKey: secret}})
    const {Uploads = []} = await client.send(new ListMultipartUploadsCommand({Bucket: bucket, Prefix: 'unsent'}))
    client.destroy()
    expect({Uploads, head: await served.bucket.head('unsent')}).to.deep.equal({Uploads: [], head: null})
  })

  it('stores bytes whose hash is known, and none that have another', async () => {
    const bytes = randomBytes(1000)
    expect(await served.bucket.put('hashed', bytes, {condition: 'absent', sha256: sha256(bytes)})).to.include({kind: 'stored'})
    const error = await failureOf(served.bucket.put('hashed otherwise', bytes, {sha256: sha256(Buffer.from('other bytes'))}))
    expect(error.message).to.include('s3:PutObject on hashed otherwise in bucket example-bucket failed').and.to.include('XAmzContentSHA256Mismatch')
    expect(await served.bucket.head('hashed otherwise')).to.equal(null)
  })

  it('goes on reading where the connection was cut', async () => {
    const bytes = randomBytes(3 * MiB)
    await served.bucket.put('cut', bytes)
    served.faults.inject({method: 'GET', path: /cut/, times: 2, effect: {kind: 'reset-response', afterBytes: 500_000}})
    const back = await served.bucket.stream('cut')
    expect(sha256(await buffer(back?.body ?? Readable.from([])))).to.equal(sha256(bytes))
  })

  it('gives up a body that breaks after each 1024 bytes', async () => {
    const client = served.client({}, {attempts: 3})
    await client.put('breaking', randomBytes(MiB / 4))
    served.faults.inject({method: 'GET', path: /breaking/, times: 200, effect: {kind: 'reset-response', afterBytes: 1024}})
    const back = await client.stream('breaking')
    expect(await failureOf(buffer(back?.body ?? Readable.from([])))).to.include({code: 'BUCKET_UNREACHABLE'})
  })

  it('does not join two halves of different objects', async () => {
    await served.bucket.put('changing', Buffer.alloc(3 * MiB, 1))
    served.faults.inject({method: 'GET', path: /changing/, effect: {kind: 'reset-response', afterBytes: 500_000}})
    const back = await served.bucket.stream('changing')
    await served.bucket.put('changing', Buffer.alloc(3 * MiB, 2))
    const error = await failureOf(buffer(back?.body ?? Readable.from([])))
    expect(error).to.include({code: 'OBJECT_CHANGED', message: 'changing in bucket example-bucket was changed while it was read.'})
  })

  it('lists more than one page in order, from where it is told', async () => {
    const names = Array.from({length: 1100}, (_, n) => `list/${String(n).padStart(4, '0')}`)
    for (let at = 0; at < names.length; at += 50) {
      await Promise.all(names.slice(at, at + 50).map(name => served.bucket.put(name, Buffer.alloc(0))))
    }

    const listed: string[] = []
    for await (const {key} of served.bucket.list('list/')) {
      listed.push(key)
    }

    expect(listed).to.deep.equal(names)
    const rest: string[] = []
    for await (const {key} of served.bucket.list('list/', {startAfter: 'list/1097'})) {
      rest.push(key)
    }

    expect(rest).to.deep.equal(['list/1098', 'list/1099'])
    await served.bucket.delete(names)
    expect(await served.bucket.list('list/')[Symbol.asyncIterator]().next()).to.include({done: true})
  })

  it('presigns a GET and a PUT that work without credentials', async () => {
    const put = await served.bucket.presign('PUT', 'presigned', {expiresIn: 60})
    expect((await fetch(put, {method: 'PUT', body: 'hello'})).status).to.equal(200)
    const get = await served.bucket.presign('GET', 'presigned', {expiresIn: 60})
    expect(await (await fetch(get)).text()).to.equal('hello')
    expect(get).not.to.include(served.server.secret)
  })

  it('works with a clock that is half an hour off, by the store\'s', async () => {
    served.shiftClock(30 * 60_000)
    try {
      const {bucket} = {bucket: served.client({})}
      expect((await bucket.put('later', Buffer.from('x'))).kind).to.equal('stored')
      expect((await bucket.read('later', {maxBytes: 9}))?.bytes.toString()).to.equal('x')
    } finally {
      served.shiftClock(0)
    }
  })

  it('knows the bucket\'s region', async () => {
    expect(await served.bucket.region()).to.equal('eu-west-1')
  })

  describe('says what is wrong:', () => {
    for (const [how, ask] of [
      ['reading', bucket => bucket.read('x', {maxBytes: 1})],
      ['asking for the head alone', bucket => bucket.head('x')],
      ['writing', bucket => bucket.put('x', Buffer.from('x'))],
      ['listing', bucket => bucket.list('x')[Symbol.asyncIterator]().next()],
    ] as const satisfies readonly [string, (bucket: S3Bucket) => Promise<unknown>][]) {
      it(`the secret, when ${how}`, async () => {
        const error = await failureOf(ask(served.client({secret: 'wrong-secret'})))
        expect(error).to.include({code: 'BAD_S3_SECRET', message: `NIX_S3_SECRET is not the secret that belongs to NIX_S3_KEY (bucket example-bucket at ${served.faults.endpoint}).`})
        expect(error.suggestions).to.deep.equal(['heroku nix:setup'])
      })
    }

    it('the key', async () => {
      const error = await failureOf(served.client({key: 'AKIAUNKNOWNUNKNOWN99'}).read('x', {maxBytes: 1}))
      expect(error).to.include({code: 'BAD_S3_KEY', message: `${served.faults.endpoint} does not know the access key in NIX_S3_KEY (bucket example-bucket).`})
    })

    it('the bucket\'s name', async () => {
      const error = await failureOf(served.client({bucket: 'nobodys'}).read('x', {maxBytes: 1}))
      expect(error).to.include({code: 'NO_SUCH_BUCKET', message: `There is no bucket nobodys at ${served.faults.endpoint}.`})
    })

    it('the region, naming the right one', async () => {
      const error = await failureOf(served.client({region: 'us-east-1'}).read('x', {maxBytes: 1}))
      expect(error).to.include({code: 'WRONG_REGION', message: 'Bucket example-bucket is in eu-west-1, not in us-east-1 as NIX_S3_REGION has it.'})
      expect(error.suggestions).to.deep.equal(['heroku config:set NIX_S3_REGION=eu-west-1'])
    })

    it('a permission that lacks', async () => {
      served.server.deny(['s3:PutObject'])
      const error = await failureOf(served.bucket.put('some/key', Buffer.from('x')))
      served.server.deny([])
      expect(error).to.include({code: 'ACCESS_DENIED', message: `${served.faults.endpoint} does not permit s3:PutObject on some/key in bucket example-bucket with the access key in NIX_S3_KEY.`})
    })

    it('a store that is full, not a permission', async () => {
      served.faults.inject({method: 'PUT', effect: {kind: 'status', status: 403, body: '<Error><Code>QuotaExceeded</Code><Message>full</Message></Error>'}})
      const error = await failureOf(served.bucket.put('some/key', Buffer.from('x')))
      expect(error).to.include({code: 'BUCKET_FULL'})
      expect(error.suggestions[0]).to.match(/^heroku nix:cache:gc,/)
    })

    it('a store that is down', async () => {
      await served.faults.setDown(true)
      const error = await failureOf(served.client({}, {attempts: 2}).read('x', {maxBytes: 1}))
      expect(error).to.include({code: 'BUCKET_UNREACHABLE', message: `Bucket example-bucket cannot be reached at ${served.faults.endpoint}: ECONNREFUSED.`})
    })

    it('a store that is too busy', async () => {
      served.faults.inject({times: Infinity, effect: {kind: 'status', status: 503}})
      const error = await failureOf(served.client({}, {attempts: 2}).read('x', {maxBytes: 1}))
      expect(error.code).to.equal('BUCKET_BUSY')
    })

    it('a store that does not answer', async () => {
      served.faults.inject({times: Infinity, effect: {kind: 'stall'}})
      const error = await failureOf(served.client({}, {attempts: 1, idleTimeoutMs: 200}).read('x', {maxBytes: 1}))
      expect(error.code).to.equal('BUCKET_UNREACHABLE')
    })

    it('and never the secret nor a signature, however it is printed', async () => {
      for (const change of [{secret: 'wrong-secret-wrong-secret'}, {key: 'AKIAUNKNOWNUNKNOWN99'}, {region: 'us-east-1'}, {bucket: 'nobodys'}]) {
        const error = await failureOf(served.client(change).read('x', {maxBytes: 1}))
        const printed = [inspect(error, {depth: 20, showHidden: true}), error.stack ?? '', JSON.stringify(error), String(error.cause)].join('\n')
        for (const secret of [served.server.secret, 'wrong-secret-wrong-secret', served.server.key, 'AWS4-HMAC', 'Signature=']) {
          expect(printed).not.to.include(secret)
        }
      }
    })
  })
})
