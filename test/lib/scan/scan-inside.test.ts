import {expect} from 'chai'
import {execFileSync} from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import {deflateRawSync, gzipSync} from 'node:zlib'
import {bufferSource, fileSource} from '../../../src/lib/scan/byte-source.ts'
import {tarSum} from '../../../src/lib/scan/container.ts'
import {SCAN_LIMITS, type ScanLimits} from '../../../src/lib/scan/limits.ts'
import {Finder, VIEW_PATH, storePathsOf} from '../../../src/lib/scan/needle.ts'
import {scanInside, type ScanEnd} from '../../../src/lib/scan/scan-inside.ts'

const HASH = '6f6had9j0i1g00p64sfs94jbm2pcfvbj'
const TEXT = `see /app/.nixs/${HASH}-x\n`

describe('looking inside files', () => {
  let root: string
  beforeEach(() => {
    root = fs.mkdtempSync(`${os.tmpdir()}/scan-`)
    fs.mkdirSync(`${root}/a/b`, {recursive: true})
    fs.writeFileSync(`${root}/a/b/text`, TEXT)
    fs.writeFileSync(`${root}/a/clean`, 'nothing to see\n')
    fs.writeFileSync(`${root}/a/broken.gz`, gzipSync('x'.repeat(10_000)).subarray(0, 30))
  })
  afterEach(() => {
    fs.rmSync(root, {recursive: true})
  })

  function made(script: string): string {
    execFileSync('bash', ['-e', '-o', 'pipefail', '-c', script], {cwd: root, stdio: ['ignore', 'ignore', 'pipe']})
    return `${root}/made`
  }

  async function scan(file: string, limits?: ScanLimits): Promise<ScanEnd> {
    const descriptor = fs.openSync(file, 'r')
    try {
      return await scanInside(fileSource(descriptor), VIEW_PATH, limits)
    } finally {
      fs.closeSync(descriptor)
    }
  }

  const found = (...inside: string[]): ScanEnd => ({kind: 'found', inside, offset: 4})
  for (const [what, script, end] of [
    ['a gzip', 'gzip -c a/b/text > made', found()],
    ['a gzip of several members', '{ gzip -c a/clean; gzip -c a/b/text; } > made', {kind: 'found', inside: [], offset: 19}],
    ['a zstd', 'zstd -qc a/b/text > made', found()],
    ['an xz', 'xz -c a/b/text > made', found()],
    ['a bzip2', 'bzip2 -c a/b/text > made', found()],
    ['a zstd of several frames', '{ zstd -qc a/clean; zstd -qc a/b/text; } > made', {kind: 'found', inside: [], offset: 19}],
    ['a zstd with a frame to skip', `{ zstd -qc a/clean; printf '\\x50\\x2a\\x4d\\x18\\x03\\0\\0\\0abc'; zstd -qc a/b/text; } > made`, {kind: 'found', inside: [], offset: 19}],
    ['an xz of several streams, padded', `{ xz -c a/clean; printf '\\0\\0\\0\\0'; xz -c a/b/text; } > made`, {kind: 'found', inside: [], offset: 19}],
    ['a bzip2 of several streams', '{ bzip2 -c a/clean; bzip2 -c a/b/text; } > made', {kind: 'found', inside: [], offset: 19}],
    ['a gzip of which the end is missing', 'gzip -c a/b/text | head -c -8 > made', found()],
    ['a zstd with a broken frame after it', '{ zstd -qc a/b/text; zstd -qc a/clean | head -c 9; } > made', found()],
    ['a zstd with something else after it', '{ zstd -qc a/b/text; head -c 4000 /dev/zero; } > made', found()],
    ['a tar', 'tar -cf made a/clean a/b', found('a/b/text')],
    ['a tar.gz', 'tar -czf made a', found('a/b/text')],
    ['a tar.xz', 'tar -cJf made a', found('a/b/text')],
    ['a tar.zst', 'tar -c a | zstd -q > made', found('a/b/text')],
    ['a pax tar', 'tar --format=posix -czf made a', found('a/b/text')],
    ['a zip', 'zip -qr made.zip a; mv made.zip made', found('a/b/text')],
    ['a stored zip', 'zip -q0r made.zip a; mv made.zip made', found('a/b/text')],
    ['a zip written to a pipe', 'zip -qr - a | cat > made', found('a/b/text')],
    ['a program with a zip after it', '{ echo "#!/bin/sh"; zip -qr - a | cat; } > made', found('a/b/text')],
    ['a jar of jars', 'jar cf inner.jar a && jar cf made inner.jar', found('inner.jar', 'a/b/text')],
    ['a tar.xz in a tar.gz', 'tar -cJf in.tar.xz a && tar -czf made a/clean in.tar.xz', found('in.tar.xz', 'a/b/text')],
    ['a text after what is broken', 'tar -czf made a/broken.gz a/b', found('a/b/text')],
    ['a file without any', 'tar -czf made a/clean a/broken.gz', {kind: 'clean'}],
    ['an encrypted zip', 'zip -qr -P secret made.zip a; mv made.zip made', {kind: 'clean'}],
    ['a symlink in a tar', `ln -s /app/.nixs/${HASH}-x link; tar -czf made link`, {kind: 'found', inside: [], offset: 157}],
    ['a tar of the view, in whose names tar left the first slash out', `mkdir -p app/.nixs/${HASH}-x && tar -czf made app`, {kind: 'found', inside: [], offset: 1024}],
    ['a folder of that name alone', 'mkdir -p app/.nixs && tar -czf made app', {kind: 'clean'}],
    ['JSON with escaped slashes', String.raw`printf '{"a":"\\/app\\/.nixs\\/x"}' | gzip > made`, {kind: 'found', inside: [], offset: 6}],
    ['UTF-16', 'iconv -t UTF-16LE a/b/text | gzip > made', {kind: 'found', inside: [], offset: 8}],
    ['UTF-32 of the other byte order', 'iconv -t UTF-32BE a/b/text | gzip > made', {kind: 'found', inside: [], offset: 19}],
  ] as const) {
    it(`says where it is: ${what}`, async () => {
      expect(await scan(made(script))).to.deep.equal(end)
    })
  }

  for (const [what, script, reason] of [
    ['gzip of zeros', 'head -c 200M /dev/zero | gzip > made', 'it holds more than 200 times its own size'],
    ['xz of zeros', 'head -c 200M /dev/zero | xz -0 > made', 'it holds more than 200 times its own size'],
    ['gzip of gzip of gzip', 'f=a/b/text; for n in 1 2 3 4 5 6; do gzip -c $f > g$n; f=g$n; done; mv g6 made', 'it holds more than 5 containers in one another'],
    ['a tar of tars', 'f=a/b/text; for n in 1 2 3 4 5 6; do tar -cf t$n $f; f=t$n; done; mv t6 made', 'it holds more than 5 containers in one another'],
    ['lz4', 'printf "\\x04\\x22\\x4d\\x18aaaaaaa" > made', 'it is compressed with lz4'],
  ] as const) {
    it(`gives up with a reason: ${what}`, async () => {
      expect(await scan(made(script))).to.deep.equal({kind: 'not-scanned', reason})
    })
  }

  it('reads on after a folder that claims to have content', async () => {
    const tar = fs.readFileSync(made('tar -cf made a/b'))
    tar.write('00000000005', 124, 'latin1')
    tar.write(tarSum(tar.subarray(0, 512)).toString(8).padStart(6, '0'), 148, 'latin1')
    expect(await scanInside(bufferSource(tar), VIEW_PATH)).to.deep.equal(found('a/b/text'))
  })

  it('stops at the bytes that it may look at', async () => {
    const end = await scan(made('head -c 3M /dev/urandom > r; gzip -c r > made'), {...SCAN_LIMITS, bytes: 1_000_000})
    expect(end).to.deep.equal({kind: 'not-scanned', reason: 'it holds more than 1000000 bytes'})
  })

  it('takes each member of a zip whose members overlap for its own, up to the limit', async () => {
    const end = await scanInside(bufferSource(overlappingZip(2000, 1 << 20)), VIEW_PATH)
    expect(end).to.deep.equal({kind: 'not-scanned', reason: 'it holds more than 200 times its own size'})
  })

  it('tells of its progress, in what is decompressed and in what is not', async () => {
    for (const script of ['head -c 3M /dev/urandom > r; gzip -1c r > made', 'head -c 3M /dev/urandom > r; tar -cf made r']) {
      let told = 0
      const file = fs.openSync(made(script), 'r')
      await scanInside(fileSource(file), VIEW_PATH, SCAN_LIMITS, () => told++)
      fs.closeSync(file)
      expect(told, script).to.be.above(10)
    }
  })

  it('needs little memory for much content', async () => {
    const file = made('for n in 1 2 3 4 5 6 7 8; do head -c 16M /dev/urandom; done | gzip -1 > made')
    globalThis.gc?.()
    const before = process.memoryUsage().rss
    expect(await scan(file)).to.deep.equal({kind: 'clean'})
    expect((process.memoryUsage().rss - before) / (1 << 20)).to.be.below(80)
  })
})

/** Each member is the same bytes of the file: a zip bomb that needs no recursion. */
function overlappingZip(members: number, zeros: number): Buffer {
  const data = deflateRawSync(Buffer.alloc(zeros))
  const local = Buffer.alloc(30)
  local.writeUInt32LE(0x04034b50)
  local.writeUInt16LE(8, 8)
  const central = Buffer.alloc(46)
  central.writeUInt32LE(0x02014b50)
  central.writeUInt16LE(8, 10)
  central.writeUInt32LE(data.length, 20)
  central.writeUInt32LE(zeros, 24)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50)
  end.writeUInt32LE(central.length * members, 12)
  end.writeUInt32LE(local.length + data.length, 16)
  return Buffer.concat([local, data, ...Array<Buffer>(members).fill(central), end])
}

describe('finding a text in pieces', () => {
  const text = Buffer.from(`..../nix/store/${HASH}-x.... xs/ /nix/store/ `)
  for (const size of [1, 2, 7, 16, 33, 64, 1000]) {
    it(`does not depend on the pieces: ${size} bytes each`, () => {
      const finder = new Finder(storePathsOf([HASH]))
      let at: number | null = null
      for (let start = 0; start < text.length; start += size) at ??= finder.feed(text.subarray(start, start + size))
      expect(at ?? finder.end()).to.equal(4)
    })
  }

  it('is of the paths asked for alone', () => {
    const finder = new Finder(storePathsOf([HASH.replace('6', '7')]))
    expect([finder.feed(text), finder.end()]).to.deep.equal([null, null])
  })
})
