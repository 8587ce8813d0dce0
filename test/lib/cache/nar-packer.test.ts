import {expect} from 'chai'
import {execa} from 'execa'
import fs from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {Worker} from 'node:worker_threads'
import {narPacker, type NarPacker} from '../../../src/lib/cache/nar-packer.ts'
import type {PackedNar, Unpacked} from '../../../src/lib/cache/pack-nar.ts'
import {decompressor} from '../../../src/lib/closure/compression.ts'
import {hashAll} from '../../../src/lib/closure/content-hash.ts'
import {narOf} from '../../../src/lib/closure/nar-writer.ts'
import {incompressible} from '../../dyno/cache/small-store.ts'

const THREAD = path.resolve(import.meta.dirname, '../../../src/lib/cache/pack-thread.ts')
/** Up to 8 MiB of compressed bytes stay in memory. */
const SIZES = [['in memory', 1000], ['in a file, where it is large', 9_000_000]] as const

describe('narPacker', () => {
  let folder: string
  let packer: NarPacker
  beforeEach(() => {
    folder = fs.mkdtempSync(`${tmpdir()}/pack-`)
    packer = narPacker()
  })
  afterEach(() => {
    packer[Symbol.dispose]()
    fs.rmSync(folder, {recursive: true})
  })

  /** A file as Nix would have registered it. */
  async function registered(name: string, bytes: Buffer): Promise<Unpacked> {
    const place = `${folder}/${name}`
    fs.writeFileSync(place, bytes)
    const {hash, size} = await hashAll(narOf(place))
    return {path: place, narHash: hash, narSize: size, file: `${place}.nar.zst`}
  }

  async function whatIsIn({body}: PackedNar): Promise<{packed: Awaited<ReturnType<typeof hashAll>>; nar: Awaited<ReturnType<typeof hashAll>>}> {
    const bytes = 'file' in body ? fs.readFileSync(body.file) : body
    const stream = decompressor('zstd')
    stream.end(bytes)
    return {packed: await hashAll([bytes]), nar: await hashAll(stream)}
  }

  const failureOf = (unpacked: Unpacked, by = packer) => by.pack(unpacked, () => Promise.reject(new Error('It did not fail.'))).catch((reason: unknown) => reason)

  for (const [what, size] of SIZES) {
    it(`compresses ${what}, says what it made, and removes it when it was used`, async () => {
      const unpacked = await registered('path', incompressible(size))
      let read = 0
      await packer.pack(unpacked, async packed => {
        expect('file' in packed.body).to.equal(size > 8_000_000)
        expect(await whatIsIn(packed)).to.deep.equal({
          packed: {hash: packed.fileHash, size: packed.fileSize}, nar: {hash: unpacked.narHash, size: unpacked.narSize},
        })
      }, {onRead: bytes => void (read += bytes)})
      expect(read).to.equal(unpacked.narSize)
      expect(fs.readdirSync(folder)).to.deep.equal(['path'])
    })

    it(`refuses what is not what Nix registered, ${what}, and leaves nothing behind`, async () => {
      const unpacked = await registered('path', incompressible(size))
      fs.writeFileSync(unpacked.path, incompressible(size, 'other bytes'))
      const error = await failureOf(unpacked)
      expect(error).to.include({code: 'NAR_CHANGED', exitCode: 10})
      expect(String(error)).to.include(`${unpacked.path} is not what Nix registered`).and.to.include(unpacked.narHash)
      expect(fs.readdirSync(folder)).to.deep.equal(['path'])
    })
  }

  it('packs many at once, large and small, each as if it were alone', async () => {
    const sizes = [9_000_000, 0, 5, 3_000_000, 10_000_000, 70_000, 2 * 1024 * 1024]
    const all = await Promise.all(sizes.map((size, n) => registered(`p${n}`, n % 2 === 0 ? incompressible(size, `${n}`) : Buffer.alloc(size, 'text '))))
    const found = await Promise.all(all.map(unpacked => packer.pack(unpacked, whatIsIn)))
    expect(found.map(({nar}) => nar)).to.deep.equal(all.map(({narHash, narSize}) => ({hash: narHash, size: narSize})))
  })

  it('says what failed by its code, and packs what comes after', async () => {
    const first = await registered('first', incompressible(9_000_000))
    fs.writeFileSync(first.file, 'in the way')
    const gone = {...first, path: `${folder}/gone`, file: `${folder}/gone.nar.zst`}
    const [taken, missing, second] = await Promise.all([failureOf(first), failureOf(gone), registered('second', Buffer.from('b')).then(path => packer.pack(path, whatIsIn))])
    expect(taken).to.include({code: 'EEXIST'})
    expect(String(missing)).to.include(`${folder}/gone is not there`)
    expect(second.nar.size).to.equal(120)
  })

  it('fails what a broken thread had, removes what it left, and starts another', async () => {
    const unpacked = await registered('path', incompressible(1000))
    const breaking = 'const {parentPort, workerData} = require("node:worker_threads"); parentPort.on("message", ({file}) => { require("node:fs").writeFileSync(file, "half"); if (workerData === "ends") process.exit(); throw new Error("out of order") })'
    const broken = (['throws', 'ends'] as const).map(workerData => new Worker(breaking, {eval: true, workerData}))
    using later = narPacker(() => broken.shift() ?? new Worker(THREAD))
    const both = await Promise.all([failureOf(unpacked, later), failureOf({...unpacked, file: `${unpacked.file}-2`}, later)])
    expect(both.map(String)).to.deep.equal(['Error: out of order', 'Error: out of order'])
    expect(String(await failureOf(unpacked, later))).to.equal('Error: The thread that packs NARs has ended.')
    expect(fs.readdirSync(folder)).to.deep.equal(['path'])
    expect((await later.pack(unpacked, whatIsIn)).nar.hash).to.equal(unpacked.narHash)
  })

  it('gives up what is under way when it is closed', async () => {
    const unpacked = await registered('path', incompressible(30_000_000))
    const packing = packer.pack(unpacked, () => Promise.resolve('packed'), {onRead: () => packer[Symbol.dispose]()}).catch((reason: unknown) => reason)
    expect(String(await packing)).to.equal('Error: The thread that packs NARs has ended.')
    expect(fs.readdirSync(folder)).to.deep.equal(['path'])
  })

  it('keeps no program alive, closed or not', async () => {
    const unpacked = await registered('path', Buffer.from('hello'))
    const program = `import {narPacker} from ${JSON.stringify(path.resolve(import.meta.dirname, '../../../src/lib/cache/nar-packer.ts'))}
      console.log(await narPacker().pack(${JSON.stringify(unpacked)}, async ({compression}) => compression))`
    const {stdout} = await execa(process.execPath, ['--input-type=module', '--eval', program])
    expect(stdout).to.equal('zstd')
  })
})
