import {expect} from 'chai'
import fs from 'node:fs'
import os from 'node:os'
import {Readable} from 'node:stream'
import {unpackNar} from '../../../src/lib/nix/nar.ts'

describe('unpackNar', () => {
  let folder: string
  beforeEach(() => {
    folder = fs.mkdtempSync(`${os.tmpdir()}/nar-`)
  })
  afterEach(() => {
    fs.rmSync(folder, {recursive: true})
  })

  it('makes files, programs, folders and symlinks, whatever the pieces in which it comes', async () => {
    const nar = archive('directory', ...entry('a', 'regular', 'contents', 'hello'), ...entry('b', 'directory', ...entry('c', 'symlink', 'target', '../a')), ...entry('p', 'regular', 'executable', '', 'contents', ''))
    await unpackNar(Readable.from(pieces(nar, 7)), `${folder}/x`)
    expect({
      a: fs.readFileSync(`${folder}/x/a`, 'utf8'), c: fs.readlinkSync(`${folder}/x/b/c`),
      modes: ['a', 'p'].map(name => fs.statSync(`${folder}/x/${name}`).mode & 0o100),
    }).to.deep.equal({a: 'hello', c: '../a', modes: [0, 0o100]})
  })

  it('writes a file larger than a piece of the stream', async () => {
    const content = 'x'.repeat(100_003)
    await unpackNar(Readable.from(pieces(archive('regular', 'contents', content), 4096)), `${folder}/x`)
    expect(fs.readFileSync(`${folder}/x`, 'utf8')).to.equal(content)
  })

  for (const [what, nar, message] of [
    ['a name that leads out', archive('directory', ...entry('..', 'regular')), 'Bad NAR: entry ".." in the store path itself has no name that a file can have.'],
    ['a name with a slash', archive('directory', ...entry('a/b', 'regular')), 'Bad NAR: entry "a/b" in the store path itself has no name that a file can have.'],
    ['a name that comes twice', archive('directory', ...entry('a', 'symlink', 'target', '/'), ...entry('a', 'directory')), 'Bad NAR: entry "a" in the store path itself comes twice.'],
    ['an end in the middle', archive('regular', 'contents', 'hello').subarray(0, -24), 'Bad NAR: it ends too early.'],
    ['something after its end', Buffer.concat([archive('regular'), string('x')]), 'Bad NAR: something follows its end.'],
    ['an unknown type', archive('socket'), 'Bad NAR: the store path itself is a "socket".'],
    ['a huge length', Buffer.concat([string('nix-archive-1'), Buffer.alloc(8, 0xff)]), 'Bad NAR: a length of 18446744073709551615.'],
    ['something else', Buffer.from('<html>not found</html>, but long enough'), 'Bad NAR: a length of 8029423821061908540.'],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const error: unknown = await unpackNar(Readable.from(pieces(nar, 5)), `${folder}/x`).catch((reason: unknown) => reason)
      expect(error).to.include({message, code: 'BAD_NAR'})
    })
  }
})

function archive(type: string, ...rest: (Buffer | string)[]): Buffer {
  return strings('nix-archive-1', ...node(type, ...rest))
}

function entry(name: string, type: string, ...rest: (Buffer | string)[]): (Buffer | string)[] {
  return ['entry', '(', 'name', name, 'node', ...node(type, ...rest), ')']
}

function node(type: string, ...rest: (Buffer | string)[]): (Buffer | string)[] {
  return ['(', 'type', type, ...rest, ')']
}

function strings(...parts: (Buffer | string)[]): Buffer {
  return Buffer.concat(parts.map(part => string(part)))
}

function string(text: Buffer | string): Buffer {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(bytes.length))
  return Buffer.concat([length, bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)])
}

function* pieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
