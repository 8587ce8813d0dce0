import {expect} from 'chai'
import fc from 'fast-check'
import {createHash} from 'node:crypto'
import {Readable} from 'node:stream'
import {gzipSync} from 'node:zlib'
import {NixError} from '../../src/lib/errors.ts'
import type {ListedFile} from '../../src/lib/listing/listed-file.ts'
import {formatLine, parseLine} from '../../src/lib/listing/listing-line.ts'
import {readListing} from '../../src/lib/listing/read-listing.ts'
import type {ByteString} from '../../src/lib/slug/byte-string.ts'
import {check, mutate, mutation, TIMEOUT} from './check.ts'
import {replaced, replacement} from './replaced.ts'

const bytes = (text: string) => Buffer.from(text).toString('latin1') as ByteString
const LIMITS = {files: 20, lineBytes: 2000, bytes: 20_000}
const FILES: ListedFile[] = [
  {path: bytes('a-1'), kind: 'directory', packed: 30, needs: []},
  {path: bytes('a-1/bin'), kind: 'directory', packed: 30, needs: []},
  {
    path: bytes('a-1/bin/ä'), kind: 'file', size: 5, executable: true, what: 'elf', soname: bytes('ä.so'), packed: 20,
    needs: [
      {how: 'library', to: bytes('b-1/lib/libc.so.6'), name: bytes('libc.so.6'), offset: 3, through: [bytes('b-1/lib')], or: [bytes('c-1/libc.so.6')]},
      {how: 'library', to: null, name: bytes('libm.so.6')},
    ],
  },
  {path: 'a-1/bin/\xff' as ByteString, kind: 'file', size: 0, executable: false, what: 'data', packed: 20, needs: []},
  {path: bytes('a-1/lib'), kind: 'symlink', target: bytes('../b-1'), packed: 20, needs: [{how: 'symlink', to: bytes('b-1')}]},
  {path: bytes('a-1/share'), kind: 'directory', packed: 1, needs: []},
]
const LINES = FILES.map(file => formatLine(file))
const LISTING = Buffer.from(LINES.join(''))
const COMPRESSED = gzipSync(LISTING)

/** What is read of an object that a record names; undefined where it is refused, by name, with nothing that moves a cursor. */
async function read(object: Buffer, {of = object, pieces = object.length}: {of?: Buffer; pieces?: number} = {}): Promise<ListedFile[] | undefined> {
  const parts = Array.from({length: Math.ceil(object.length / Math.max(pieces, 1))}, (_, n) => object.subarray(n * pieces, (n + 1) * pieces))
  try {
    return await readListing(Readable.from(parts), {
      sha256: createHash('sha256').update(of).digest('hex'), size: of.length, where: 'KEY', limits: LIMITS,
    })
  } catch (error) {
    expect(error, String(error)).to.be.instanceOf(NixError)
    expect((error as NixError).code).to.be.oneOf(['BAD_LISTING', 'OLD_LISTING', 'WRONG_DIGEST'])
    expect((error as Error).message).not.to.match(/\p{Cc}/u)
    return undefined
  }
}

/** A tree, each entry in a directory that came before it, all below the store, and written again what it was. */
function expectTree(files: readonly ListedFile[]): void {
  const directories = new Set([''])
  const seen = new Set<string>()
  for (const file of files) {
    const paths = [file.path, ...file.needs.flatMap(({to, through, or}) => [...to === null ? [] : [to], ...through ?? [], ...or ?? []])]
    for (const path of paths) expect(path).not.to.match(/^\/|\/$|\/\/|(^|\/)\.\.?(\/|$)|\0|^$/)
    expect([seen.has(file.path), directories.has(file.path.slice(0, Math.max(file.path.lastIndexOf('/'), 0)))], file.path).to.deep.equal([false, true])
    seen.add(file.path)
    if (file.kind === 'directory') directories.add(file.path)
    expect(parseLine(formatLine(file))).to.deep.equal(file)
  }
}

describe('any bytes for a listing', function () {
  this.timeout(TIMEOUT)

  it('are a tree, or refused by name, and in whatever pieces they come', () =>
    check(fc.asyncProperty(mutation, fc.integer({min: 1, max: 400}), async (change, pieces) => {
      const object = gzipSync(mutate([LISTING], change))
      const files = await read(object, {pieces})
      expect(files).to.deep.equal(await read(object))
      expectTree(files ?? [])
    })))

  it('are a tree, or refused by name, where a field is another', () =>
    check(fc.asyncProperty(fc.nat(LINES.length - 1), replacement, async (line, {at, value}) => {
      const changed = JSON.stringify(replaced(JSON.parse(LINES[line] ?? ''), at, value))
      expectTree(await read(gzipSync(LINES.with(line, `${changed}\n`).join(''))) ?? [])
    })))

  const names = fc.array(fc.constantFrom('a-1', 'a-1', 'bin', '..', '.', '', 'x\0', 'ä', '\udc80', '\ud800'), {minLength: 1, maxLength: 4})
  it('lead nowhere out of a store', () =>
    check(fc.asyncProperty(names, fc.constantFrom('path', 'to', 'through', 'or'), async (parts, where) => {
      const path = parts.join('/')
      const line = where === 'path'
        ? {path, kind: 'directory', packed: 1}
        : {path: 'a-1/x', kind: 'directory', packed: 1, needs: [{how: 'text', to: null, [where]: where === 'to' ? path : [path]}]}
      expectTree(await read(gzipSync(`${LINES.slice(0, 2).join('')}${JSON.stringify(line)}\n`)) ?? [])
    })))

  it('are refused by name where they are not compressed as a listing is', () =>
    check(fc.asyncProperty(mutation, async change => {
      expectTree(await read(mutate([COMPRESSED], change)) ?? [])
    })))

  it('are refused where they are not those that were signed', () =>
    check(fc.asyncProperty(mutation, async change => {
      const object = mutate([COMPRESSED], change)
      expect(await read(object, {of: COMPRESSED})).to.deep.equal(object.equals(COMPRESSED) ? FILES : undefined)
    })))
})
