import {expect} from 'chai'
import fc from 'fast-check'
import {createHash} from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import {Readable} from 'node:stream'
import {gzipSync} from 'node:zlib'
import {unpackSource} from '../../src/dyno/build/unpack-source.ts'
import {NixError} from '../../src/lib/errors.ts'
import {check, mutate, mutation, TIMEOUT} from './check.ts'

interface Member {
  name: string
  type: string
  link: string
  content: string
  /** GNU's and pax's ways to give a longer one */
  long: {type: string; text: string} | null
}

const part = fc.constantFrom('a', 'A', 'b', 'link', '..', '.', '', 'é', 'e\u0301', '\u202e', 'x\n', '\u001b[2J', 'long'.repeat(80), 'con', '\\..\\x')
const path = fc.tuple(fc.constantFrom('', '', '', '/', './', '../'), fc.array(part, {minLength: 1, maxLength: 4})).map(([start, parts]) => start + parts.join('/'))
const member: fc.Arbitrary<Member> = fc.record({
  name: path,
  type: fc.constantFrom('0', '0', '0', '\0', '1', '2', '2', '3', '4', '5', '5', '6', '7', 'S', 'Z'),
  link: fc.oneof(path, fc.constantFrom('..', '../outside', '/', '../../outside/file', '')),
  content: fc.string({maxLength: 20}),
  long: fc.option(fc.record({type: fc.constantFrom('L', 'K', 'x', 'g'), text: fc.oneof(path, path.map(text => `${text.length + 10} path=${text}\n`), fc.string())}), {freq: 6}),
})

describe('any tar as a source', function () {
  this.timeout(TIMEOUT)
  let root: string
  beforeEach(() => {
    root = fs.mkdtempSync(`${os.tmpdir()}/fuzz-tar-`)
    fs.mkdirSync(`${root}/outside`)
    fs.writeFileSync(`${root}/outside/file`, 'untouched')
  })
  afterEach(() => {
    fs.rmSync(root, {recursive: true})
  })

  /** Unpacks, and throws where anything but its folder was touched or the refusal has no name. */
  async function unpack(tar: Buffer): Promise<void> {
    fs.mkdirSync(`${root}/in/in`, {recursive: true})
    try {
      await unpackSource(Readable.from([gzipSync(tar)]), `${root}/in/in/source`, createHash('sha256').update(tar).digest('hex'))
    } catch (error) {
      expect(error, String(error)).to.be.instanceOf(NixError)
      expect(error).to.have.property('code', 'BAD_SOURCE')
      expect((error as Error).message).not.to.match(/\p{Cc}/u)
    } finally {
      expect([fs.readdirSync(root).sort(), fs.readdirSync(`${root}/in`), fs.readdirSync(`${root}/in/in`), fs.readdirSync(`${root}/outside`), fs.readFileSync(`${root}/outside/file`, 'utf8')])
        .to.deep.equal([['in', 'outside'], ['in'], fs.existsSync(`${root}/in/in/source`) ? ['source'] : [], ['file'], 'untouched'])
      fs.rmSync(`${root}/in`, {recursive: true})
    }
  }

  it('is unpacked or refused by name, and never leaves its folder: hostile members', () =>
    check(fc.asyncProperty(fc.array(member, {maxLength: 6}), async members => unpack(tarOf(members)))))

  const originals = [
    tarOf([plain('a/b', 'text'), {...plain('l', ''), type: '2', link: 'a'}, plain('z', 'x'.repeat(1000))]),
    tarOf([{...plain('x', 'y'), long: {type: 'x', text: '12 path=a/b\n'}}, {...plain('x', 'y'), long: {type: 'L', text: 'long/name'}}]),
  ]
  it('is unpacked or refused by name, and never leaves its folder: broken bytes', () =>
    check(fc.asyncProperty(mutation, async change => unpack(withSums(mutate(originals, change))))))
})

function plain(name: string, content: string): Member {
  return {name, type: '0', link: '', content, long: null}
}

function tarOf(members: readonly Member[]): Buffer {
  const blocks = members.flatMap(({name, type, link, content, long}) => [
    ...(long === null ? [] : [header('././@LongLink', long.type, '', Buffer.byteLength(long.text)), padded(long.text)]),
    header(name, type, link, Buffer.byteLength(content)), padded(content),
  ])
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

function header(name: string, type: string, link: string, size: number): Buffer {
  const block = Buffer.alloc(512)
  block.write(name, 0, 100)
  for (const [at, digits] of [[100, '0000644'], [108, '0000000'], [116, '0000000'], [124, size.toString(8).padStart(11, '0')], [136, '00000000001']] as const) block.write(digits, at)
  block.write(type, 156)
  block.write(link, 157, 100)
  block.write('ustar', 257)
  block.write('00', 263)
  return withSum(block)
}

function withSum(block: Buffer): Buffer {
  block.fill(' ', 148, 156)
  block.write(block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0'), 148)
  block[154] = 0
  return block
}

/** With right sums wherever a header may be: only those get past the first check. */
function withSums(tar: Buffer): Buffer {
  for (let at = 0; at + 512 <= tar.length; at += 512) {
    if (tar.toString('latin1', at + 257, at + 262) === 'ustar') withSum(tar.subarray(at, at + 512))
  }

  return tar
}

function padded(content: string): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([bytes, Buffer.alloc((512 - bytes.length % 512) % 512)])
}
