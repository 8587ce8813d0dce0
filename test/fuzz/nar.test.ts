import {expect} from 'chai'
import fc from 'fast-check'
import fs from 'node:fs'
import os from 'node:os'
import {Readable} from 'node:stream'
import {unpackNar} from '../../src/lib/nix/nar.ts'
import {NixError} from '../../src/lib/errors.ts'
import {check, mutate, mutation, TIMEOUT} from './check.ts'

/** A NAR is made of these, however they follow one another. */
const word = fc.oneof(
  {weight: 6, arbitrary: fc.constantFrom('(', ')', 'type', 'regular', 'directory', 'symlink', 'contents', 'executable', '', 'entry', 'name', 'node', 'target')},
  fc.constantFrom('a', 'b', '..', '.', '/', '../outside/file', 'x\0', 'é', '\u001b[2J', 'n'.repeat(300)),
)
const name = fc.constantFrom('a', 'b', 'c', '..', '.', '', 'a/b', '/', 'é', 'z'.repeat(256))

const {node} = fc.letrec<{node: string[]}>(tie => ({
  node: fc.oneof({maxDepth: 4},
    fc.string({maxLength: 9}).map(text => ['(', 'type', 'regular', 'contents', text, ')']),
    fc.constantFrom('../outside', '/etc', '', 'a', '.').map(target => ['(', 'type', 'symlink', 'target', target, ')']),
    fc.array(fc.tuple(name, tie('node')), {maxLength: 3}).map(entries =>
      ['(', 'type', 'directory', ...entries.flatMap(([entry, inner]) => ['entry', '(', 'name', entry, 'node', ...inner, ')']), ')']),
  ),
}))

describe('any NAR', function () {
  this.timeout(TIMEOUT)
  let root: string
  beforeEach(() => {
    root = fs.mkdtempSync(`${os.tmpdir()}/fuzz-nar-`)
    fs.mkdirSync(`${root}/outside`)
    fs.writeFileSync(`${root}/outside/file`, 'untouched')
  })
  afterEach(() => {
    fs.rmSync(root, {recursive: true})
  })

  async function unpack(nar: Buffer): Promise<void> {
    fs.mkdirSync(`${root}/in`)
    try {
      await unpackNar(Readable.from(nar.length === 0 ? [] : [nar]), `${root}/in/x`)
    } catch (error) {
      expect(error, String(error)).to.be.instanceOf(NixError)
      expect(error).to.have.property('code', 'BAD_NAR')
    } finally {
      expect([fs.readdirSync(root).sort(), fs.readdirSync(`${root}/in`), fs.readdirSync(`${root}/outside`), fs.readFileSync(`${root}/outside/file`, 'utf8')])
        .to.deep.equal([['in', 'outside'], fs.readdirSync(`${root}/in`).length === 0 ? [] : ['x'], ['file'], 'untouched'])
      fs.rmSync(`${root}/in`, {recursive: true})
    }
  }

  it('is unpacked or refused by name, and never leaves its folder: hostile trees', () =>
    check(fc.asyncProperty(node, async words => unpack(narOf(words)))))

  it('is unpacked or refused by name, and never leaves its folder: words in any order', () =>
    check(fc.asyncProperty(fc.array(word, {maxLength: 30}), async words => unpack(narOf(words)))))

  const original = narOf(['(', 'type', 'directory',
    'entry', '(', 'name', 'a', 'node', '(', 'type', 'regular', 'executable', '', 'contents', 'text', ')', ')',
    'entry', '(', 'name', 'l', 'node', '(', 'type', 'symlink', 'target', '../outside', ')', ')', ')'])
  it('is unpacked or refused by name, and never leaves its folder: broken bytes', () =>
    check(fc.asyncProperty(mutation, async change => unpack(mutate([original], change)))))
})

function narOf(words: readonly string[]): Buffer {
  return Buffer.concat(['nix-archive-1', ...words].map(text => {
    const bytes = Buffer.from(text)
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(bytes.length))
    return Buffer.concat([length, bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)])
  }))
}
