import {expect} from 'chai'
import {createHash} from 'node:crypto'
import {Readable} from 'node:stream'
import {gzipSync} from 'node:zlib'
import fc from 'fast-check'
import {fromJsonText, toJsonText} from '../../../src/lib/listing/json-text.ts'
import type {ListedFile} from '../../../src/lib/listing/listed-file.ts'
import {formatLine, parseLine} from '../../../src/lib/listing/listing-line.ts'
import {readListing} from '../../../src/lib/listing/read-listing.ts'
import {fromBytes, type ByteString} from '../../../src/lib/slug/byte-string.ts'

const bytes = (text: string) => Buffer.from(text).toString('latin1') as ByteString

const FILES: ListedFile[] = [
  {path: bytes('a-1'), kind: 'directory', packed: 30, needs: []},
  {path: bytes('a-1/bin'), kind: 'directory', packed: 30, needs: []},
  {
    path: bytes('a-1/bin/ä\n'), kind: 'file', size: 5, executable: true, what: 'elf', soname: bytes('ä.so'), packed: 20,
    needs: [
      {how: 'library', to: bytes('b-1/lib/libc.so.6'), name: bytes('libc.so.6'), offset: 3, through: [bytes('b-1/lib')], or: [bytes('c-1/libc.so.6')]},
      {how: 'library', to: null, name: bytes('libm.so.6')},
    ],
  },
  {path: 'a-1/bin/\xff' as ByteString, kind: 'file', size: 0, executable: false, what: 'data', packed: 20, needs: []},
  {path: bytes('a-1/lib'), kind: 'symlink', target: bytes('../b-1'), packed: 20, needs: [{how: 'symlink', to: bytes('b-1')}]},
]

describe('a listing', () => {
  it('is read as it was written, names of any bytes too', async () => {
    expect(await read(FILES.map(file => formatLine(file)).join(''))).to.deep.equal(FILES)
  })

  it('has every name as text that gives the same bytes back', () => {
    fc.assert(fc.property(fc.uint8Array({maxLength: 12}), name => {
      const text = toJsonText(fromBytes(name))
      expect(fromJsonText(JSON.parse(JSON.stringify(text)) as string)).to.equal(fromBytes(name))
    }))
    expect(toJsonText(bytes('ä€😀'))).to.equal('ä€😀')
    expect(toJsonText('a\xff\xc3\xa4' as ByteString)).to.equal('a\udcffä')
  })

  it('has no name that two texts would give', () => {
    for (const text of ['\ud800', '\udc00', '\udcc3\udca4', '😀\udc7f']) expect(fromJsonText(text), JSON.stringify(text)).to.equal(null)
  })

  const refused: Record<string, string> = {
    'no JSON': '{',
    'a list': '[]',
    'an unknown kind': '{"path":"a","kind":"fifo","packed":1}',
    'a path out of the store': '{"path":"a/../b","kind":"directory","packed":1}',
    'an absolute path': '{"path":"/a","kind":"directory","packed":1}',
    'a NUL': '{"path":"a\\u0000","kind":"directory","packed":1}',
    'a negative size': '{"path":"a","kind":"file","what":"data","size":-1,"packed":1}',
    'a size that no number holds': '{"path":"a","kind":"file","what":"data","size":1e300,"packed":1}',
    'a need of an unknown kind': '{"path":"a","kind":"directory","packed":1,"needs":[{"how":"x","to":null}]}',
    'a need out of the store': '{"path":"a","kind":"directory","packed":1,"needs":[{"how":"text","to":"../x"}]}',
    'a directory that was not listed': '{"path":"a/b","kind":"directory","packed":1}',
  }
  for (const [name, line] of Object.entries(refused)) {
    it(`with ${name} is refused`, async () => {
      expect(await failure(read(`${line}\n`))).to.include({code: 'BAD_LISTING', exitCode: 10})
    })
  }

  it('in another order than a tree has is refused with the line', async () => {
    const line = (path: string) => `{"path":"${path}","kind":"directory","packed":1}\n`
    expect((await failure(read(line('b') + line('a')))).message).to.equal('KEY is not a listing: line 2: it comes after a sibling with a greater name.')
    expect((await failure(read(line('a') + line('a')))).code).to.equal('BAD_LISTING')
    expect(await read(line('a') + line('a/x') + line('a-b'))).to.have.length(3)
  })

  it('of an older version is refused with what to type', async () => {
    const error = await failure(read('{"path":"a","kind":"file","size":1}\n'))
    expect(error).to.include({code: 'OLD_LISTING', exitCode: 3})
    expect(error.suggestions).to.deep.equal(['heroku nix:build --force, which compiles nothing again'])
  })

  it('that is not the recorded one is refused', async () => {
    const whole = gzipSync(formatLine(FILES[0] as ListedFile))
    expect((await failure(read('', {object: whole, sha256: '0'.repeat(64)}))).code).to.equal('WRONG_DIGEST')
    expect((await failure(read('', {object: Buffer.concat([whole, whole]), size: whole.length}))).code).to.equal('WRONG_DIGEST')
    expect((await failure(read('', {object: whole.subarray(0, -9)}))).code).to.equal('BAD_LISTING')
    expect((await failure(read('', {object: Buffer.from('plain')}))).code).to.equal('BAD_LISTING')
  })

  it('that would fill the memory is refused', async () => {
    const many = Array.from({length: 20}, (_, n) => `{"path":"${String.fromCharCode(97 + n)}","kind":"directory","packed":1}\n`).join('')
    expect((await failure(read(many, {limits: {files: 10}}))).message).to.include('at most 10')
    expect((await failure(read(many, {limits: {bytes: 100}}))).message).to.include('at most 100 bytes')
    expect((await failure(read('x'.repeat(200_000), {limits: {lineBytes: 1000}}))).message).to.include('a line has at most 1000 bytes')
    expect((await failure(read('{"path":"a"'))).message).to.include('the last line has no end')
  })

  it('has a line for each kind of need', () => {
    expect(() => parseLine('{"path":"a","kind":"directory","packed":1,"needs":[{"how":"dlopen","to":"b"}]}')).not.to.throw()
  })
})

interface Reading {
  object?: Buffer
  sha256?: string
  size?: number
  limits?: Parameters<typeof readListing>[1]['limits']
}

function read(text: string, {object = gzipSync(text), sha256 = createHash('sha256').update(object).digest('hex'), size = object.length, limits = {}}: Reading = {}): Promise<ListedFile[]> {
  return readListing(Readable.from([object]), {sha256, size, where: 'KEY', limits})
}

async function failure(promise: Promise<unknown>): Promise<Error & {code?: string; exitCode?: number; suggestions?: string[]}> {
  return promise.then(() => expect.fail('it was read'), (error: unknown) => error as Error)
}
