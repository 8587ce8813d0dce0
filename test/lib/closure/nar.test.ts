import {expect} from 'chai'
import fc from 'fast-check'
import fs from 'node:fs'
import os from 'node:os'
import {Readable} from 'node:stream'
import {hashAll} from '../../../src/lib/closure/content-hash.ts'
import {readNar} from '../../../src/lib/closure/nar-reader.ts'
import {narOf} from '../../../src/lib/closure/nar-writer.ts'
import {PIECE} from '../../../src/lib/closure/piece-pool.ts'
import {unpackNar} from '../../../src/lib/nix/nar.ts'
import {toText} from '../../../src/lib/slug/byte-string.ts'
import {removeTree} from '../../../src/lib/view/remove.ts'

/** What a NAR holds, as JSON: `entries` of the reader with their contents. */
async function listed(nar: Iterable<Uint8Array>): Promise<unknown[]> {
  const entries: unknown[] = []
  for await (const entry of readNar(Readable.from(nar))) {
    const path = toText(entry.path)
    if (entry.kind === 'file') {
      const pieces: Buffer[] = []
      for await (const piece of entry.contents()) pieces.push(piece)
      entries.push({kind: 'file', path, executable: entry.executable, size: entry.size, content: Buffer.concat(pieces).toString()})
    } else {
      entries.push(entry.kind === 'symlink' ? {kind: 'symlink', path, target: toText(entry.target)} : {kind: 'folder', path})
    }
  }

  return entries
}

describe('a NAR', () => {
  let folder: string
  beforeEach(() => {
    folder = fs.mkdtempSync(`${os.tmpdir()}/nar-`)
  })
  afterEach(() => removeTree(folder))

  function tree(): string {
    const root = `${folder}/tree`
    fs.mkdirSync(`${root}/a/b`, {recursive: true})
    fs.writeFileSync(`${root}/a/b/empty`, '')
    fs.writeFileSync(`${root}/a.b`, 'sorted before a/')
    fs.writeFileSync(`${root}/program`, '#!/bin/sh\n', {mode: 0o755})
    fs.symlinkSync('../a', `${root}/link`)
    fs.writeFileSync(`${root}/\u{1F600}`, 'after U+FFFD in UTF-16, before it in bytes')
    fs.writeFileSync(`${root}/\uFFFDx`, 'x')
    return root
  }

  it('of a tree holds its files, programs, folders and symlinks, sorted by bytes', async () => {
    expect(await listed(narOf(tree()))).to.deep.equal([
      {kind: 'folder', path: ''},
      {kind: 'folder', path: 'a'}, {kind: 'folder', path: 'a/b'}, {kind: 'file', path: 'a/b/empty', executable: false, size: 0, content: ''},
      {kind: 'file', path: 'a.b', executable: false, size: 16, content: 'sorted before a/'},
      {kind: 'symlink', path: 'link', target: '../a'},
      {kind: 'file', path: 'program', executable: true, size: 10, content: '#!/bin/sh\n'},
      {kind: 'file', path: '\uFFFDx', executable: false, size: 1, content: 'x'},
      {kind: 'file', path: '\u{1F600}', executable: false, size: 42, content: 'after U+FFFD in UTF-16, before it in bytes'},
    ])
  })

  it('of a tree unpacks to a tree with the same NAR', async () => {
    const root = tree()
    await unpackNar(Readable.from(narOf(root)), `${folder}/again`)
    expect(await hashAll(narOf(`${folder}/again`))).to.deep.equal(await hashAll(narOf(root)))
  })

  it('of one file has the hash that Nix gives it', async () => {
    fs.writeFileSync(`${folder}/hello`, 'hello\n')
    // Made by another implementation of the format.
    expect(await hashAll(narOf(`${folder}/hello`))).to.deep.equal({hash: HELLO_HASH, size: 120})
  })

  it('of names that are not UTF-8 keeps their bytes', async () => {
    const root = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x72, 0xff])])
    fs.mkdirSync(root)
    fs.writeFileSync(Buffer.concat([root, Buffer.from('/'), Buffer.from([0xfe])]), '')
    const paths: string[] = []
    for await (const {path} of readNar(Readable.from(narOf(root)))) paths.push(path)
    expect(paths).to.deep.equal(['', '\u00fe'])
  })

  it('comes in pieces of bounded size, read as they are taken', () => {
    fs.writeFileSync(`${folder}/large`, Buffer.alloc(5_000_001))
    const sizes = [...narOf(`${folder}/large`)].map(piece => piece.length)
    expect(Math.max(...sizes)).to.equal(PIECE)
    expect(sizes.reduce((a, b) => a + b)).to.equal(112 + 5_000_001 + 7)
  })

  for (const [what, change, outcome] of [
    ['shorter is refused', (file: string) => fs.truncateSync(file, PIECE + 1), /large became shorter while it was read/],
    ['longer has the size that it had', (file: string) => fs.appendFileSync(file, 'more'), null],
  ] as const) {
    it(`of a file that becomes ${what}`, () => {
      fs.writeFileSync(`${folder}/large`, Buffer.alloc(5_000_001))
      const pieces = narOf(`${folder}/large`)
      const first = pieces.next().value as Buffer
      change(`${folder}/large`)
      const rest = () => [...pieces].reduce((sum, {length}) => sum + length, first.length)
      if (outcome) expect(rest).to.throw(outcome)
      else expect(rest()).to.equal(112 + 5_000_001 + 7)
    })
  }

  it('is not made of a FIFO, which would hang, nor of what is not there', () => {
    expect(() => [...narOf('/dev/null')]).to.throw('/dev/null is not a file, a folder or a symlink')
    expect(() => [...narOf(`${folder}/nothing`)]).to.throw('nothing is not there')
  })
})

describe('readNar', () => {
  const bad: [what: string, nar: Buffer, message: string][] = [
    ['a name that leads out', archive(...directory(entry('..', ...file('')))), 'entry ".." in the store path itself has no name that a file can have'],
    ['a name with a slash', archive(...directory(entry('a/b', ...file('')))), 'entry "a/b" in the store path itself has no name that a file can have'],
    ['an absolute name', archive(...directory(entry('/etc', ...file('')))), 'entry "/etc" in the store path itself has no name that a file can have'],
    ['an empty name', archive(...directory(entry('', ...file('')))), 'entry "" in the store path itself has no name that a file can have'],
    ['a name with a zero byte', archive(...directory(entry('a\0b', ...file('')))), 'entry "a\\u0000b" in the store path itself has no name that a file can have'],
    ['a name that is too long', archive(...directory(entry('x'.repeat(256), ...file('')))), 'a name in the store path itself is 256 bytes long'],
    ['a symlink and then something through it', archive(...directory(entry('a', ...symlink('/etc')), entry('a', ...directory(entry('passwd', ...file('')))))), 'entry "a" in the store path itself comes twice'],
    ['names out of order', archive(...directory(entry('d', ...directory(entry('b', ...file('')), entry('a', ...file('')))))), 'entry "a" in "d" comes after "b"'],
    ['a symlink to nowhere', archive(...symlink('')), 'the store path itself points to ""'],
    ['a device', archive('(', 'type', 'device', ')'), 'the store path itself is a "device"'],
    ['an end in the middle', archive(...file('hello')).subarray(0, -24), 'it ends too early'],
    ['something after its end', Buffer.concat([archive(...file('')), string('x')]), 'something follows its end'],
    ['padding that is not zero', corrupt(archive(...file('hello')), 'hello\0', 'hello!'), 'padding that is not zero'],
    ['a huge length', Buffer.concat([string('nix-archive-1'), Buffer.alloc(8, 0xff)]), 'a length of 18446744073709551615'],
    ['a word as large as memory', Buffer.concat([string('nix-archive-1'), lengthOf(2 ** 40)]), 'a word of the format is 1099511627776 bytes long'],
    ['an executable folder', archive('(', 'type', 'directory', 'executable', '', ')'), '"executable" instead of "entry" in the store path itself'],
    ['something else', Buffer.from('<html>not found</html>, but long enough'), 'a length of 8029423821061908540'],
    ['nothing at all', Buffer.alloc(0), 'it ends too early'],
  ]
  for (const [what, nar, message] of bad) {
    it(`refuses ${what}`, async () => {
      let error = 'none'
      await listed(pieces(nar, 5)).catch((reason: unknown) => (error = (reason as Error).message))
      expect(error).to.equal(`Bad NAR: ${message}.`)
    })
  }

  it('passes over contents that nobody reads, and the rest of those read in part', async () => {
    const nar = archive(...directory(entry('a', ...file('x'.repeat(100_003))), entry('b', ...file('y'.repeat(50_001))), entry('c', ...file('z'))))
    const seen: string[] = []
    for await (const entry of readNar(Readable.from(pieces(nar, 1000)))) {
      seen.push(entry.path)
      if (entry.kind !== 'file' || entry.path === 'a') continue
      for await (const piece of entry.contents()) {
        seen.push(piece.toString().slice(0, 1))
        break
      }
    }

    expect(seen).to.deep.equal(['', 'a', 'b', 'y', 'c', 'z'])
  })

  it('reads a thousand folders in one another', async () => {
    let node = file('deep')
    for (let n = 0; n < 1000; n++) node = directory(entry('d', ...node))
    expect(await listed([archive(...node)])).to.have.length(1001)
  })

  it('refuses a path longer than any', async () => {
    let node = file('')
    for (let n = 0; n < 21; n++) node = directory(entry('d'.repeat(200), ...node))
    let error = 'none'
    await listed([archive(...node)]).catch((reason: unknown) => (error = (reason as Error).message))
    expect(error).to.equal('Bad NAR: a path of 4220 bytes.')
  })

  it('reads back any tree that was written, in whatever pieces it comes', async () => {
    await fc.assert(fc.asyncProperty(trees(), fc.integer({min: 1, max: 300}), async (node, size) => {
      const nar = archive(...nodeOf(node))
      expect(await listed(pieces(nar, size))).to.deep.equal(flat(node, ''))
    }), {numRuns: 300})
  })

  it('refuses or reads any corrupted NAR: it neither hangs nor fails in another way, and gives no path that leads out', async () => {
    const corruption = fc.record({at: fc.nat(), bytes: fc.uint8Array({minLength: 1, maxLength: 12}), cut: fc.option(fc.nat())})
    await fc.assert(fc.asyncProperty(trees(), corruption, async (node, {at, bytes, cut}) => {
      const nar = archive(...nodeOf(node))
      nar.set(bytes.subarray(0, Math.max(0, nar.length - at % nar.length)), at % nar.length)
      try {
        for await (const {path} of readNar(Readable.from(pieces(cut === null ? nar : nar.subarray(0, cut % nar.length), 64)))) {
          expect(path.split('/').some((name, n) => name === '..' || name === '.' || name === '' && (n > 0 || path !== ''))).to.equal(false)
        }
      } catch (error) {
        expect((error as {code?: string}).code, String(error)).to.equal('BAD_NAR')
      }
    }), {numRuns: 2000})
  })
})

const HELLO_HASH = 'sha256:04zwf782yjwnh3q6hz5izfd6jyip8kgw6g6yj43fiqhbyhdd0dqw'

type Tree = {kind: 'file'; content: string; executable: boolean} | {kind: 'folder'; entries: Record<string, Tree>} | {kind: 'symlink'; target: string}

function trees(): fc.Arbitrary<Tree> {
  const name = fc.stringMatching(/^[a-z.-]{1,6}$/).filter(text => text !== '.' && text !== '..')
  return fc.letrec<{tree: Tree}>(tie => ({
    tree: fc.oneof({depthSize: 'small'},
      fc.record({kind: fc.constant('file' as const), content: fc.stringMatching(/^[a-z]{0,40}$/), executable: fc.boolean()}),
      fc.record({kind: fc.constant('symlink' as const), target: fc.stringMatching(/^[a-z./]{1,20}$/)}),
      fc.record({kind: fc.constant('folder' as const), entries: fc.dictionary(name, tie('tree'), {maxKeys: 4, noNullPrototype: true})})),
  })).tree
}

function nodeOf(tree: Tree): Buffer[] {
  if (tree.kind === 'file') return file(tree.content, tree.executable)
  if (tree.kind === 'symlink') return symlink(tree.target)
  return directory(...Object.keys(tree.entries).sort().map(name => entry(name, ...nodeOf(tree.entries[name] as Tree))))
}

function flat(tree: Tree, path: string): unknown[] {
  if (tree.kind === 'file') return [{kind: 'file', path, executable: tree.executable, size: tree.content.length, content: tree.content}]
  if (tree.kind === 'symlink') return [{kind: 'symlink', path, target: tree.target}]
  const inside = Object.keys(tree.entries).sort().flatMap(name => flat(tree.entries[name] as Tree, path === '' ? name : `${path}/${name}`))
  return [{kind: 'folder', path}, ...inside]
}

function archive(...node: (Buffer | string)[]): Buffer {
  return Buffer.concat(['nix-archive-1', ...node].map(part => typeof part === 'string' ? string(part) : part))
}

function file(content: string, executable = false): Buffer[] {
  return ['(', 'type', 'regular', ...(executable ? ['executable', ''] : []), 'contents', content, ')'].map(string)
}

function symlink(target: string): Buffer[] {
  return ['(', 'type', 'symlink', 'target', target, ')'].map(string)
}

function directory(...entries: Buffer[][]): Buffer[] {
  return [string('('), string('type'), string('directory'), ...entries.flat(), string(')')]
}

function entry(name: string, ...node: Buffer[]): Buffer[] {
  return [...['entry', '(', 'name', name, 'node'].map(string), ...node, string(')')]
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([lengthOf(bytes.length), bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)])
}

function lengthOf(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function corrupt(nar: Buffer, from: string, to: string): Buffer {
  const at = nar.indexOf(from)
  expect(at).to.be.above(0)
  return Buffer.concat([nar.subarray(0, at), Buffer.from(to), nar.subarray(at + to.length)])
}

function* pieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
