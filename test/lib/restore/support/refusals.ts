import {expect} from 'chai'
import {createHash} from 'node:crypto'
import fs from 'node:fs'
import {zstdCompressSync} from 'node:zlib'
import {keys} from '../../../../src/lib/bucket/keys.ts'
import type {S3Bucket} from '../../../../src/lib/bucket/s3-bucket.ts'
import {findPaths} from '../../../../src/lib/restore/find-paths.ts'
import {restoreTree} from '../../../../src/lib/restore/restore-tree.ts'
import {makeModesCanonical} from '../../../../src/lib/view/canonical-modes.ts'
import {OTHER_KEY, OWN_KEY} from '../../closure/support/narinfos.ts'
import type {TestTrees} from '../../view/support/trees.ts'
import {save} from './saved-store.ts'

const hashPart = (letter: string) => letter.repeat(32)
const SOURCE = `${hashPart('f')}-source`
const OTHER = `${hashPart('g')}-lib`
const TRUSTED = {trusted: [OWN_KEY.publicKey]}

/** Of a frame whose size has four bytes, which a window's byte or none precedes. */
function sayingLess(frame: Buffer): Buffer {
  const at = 5 + ((frame.readUInt8(4) & 0x20) === 0 ? 1 : 0)
  expect(frame.readUInt8(4) >>> 6).to.equal(2)
  frame.writeUInt32LE(frame.readUInt32LE(at) - 1000, at)
  return frame
}

/** What must never be taken out of a bucket, whatever S3 server it is on. */
export function describeRefusals(world: () => {bucket: S3Bucket; trees: TestTrees}): void {
  describe('refuses, names, and uses nothing of', () => {
    const victim = `${hashPart('k')}-victim`
    const path = `/nix/store/${victim}`
    const damage = async (key: string, change: (bytes: Buffer) => Buffer) => {
      const object = await world().bucket.read(key, {maxBytes: 1 << 30})
      await world().bucket.put(key, change(object?.bytes ?? Buffer.alloc(0)))
    }

    /** Restores it, alone and by a thread; both must end the same, and leave nothing. */
    const attempt = async (wanted = {path}): Promise<{code: string; message: string}> => {
      const [alone, threaded] = [await attemptWith(0, wanted), await attemptWith(1, wanted)]
      expect(threaded).to.deep.equal(alone)
      return alone
    }

    const attemptWith = async (threads: number, wanted: {path: string}): Promise<{code: string; message: string}> => {
      const {bucket, trees} = world()
      const folder = `${trees.root}/refused`
      try {
        await restoreTree(bucket, await findPaths(bucket, [wanted], TRUSTED), {folder, rules: null, threads})
      } catch (error) {
        expect(fs.existsSync(folder) ? fs.readdirSync(folder) : []).to.deep.equal([])
        const {code, message} = error as {code: string; message: string}
        return {code, message}
      }

      throw new Error('It was not refused.')
    }

    before(() => {
      const {canonical} = world().trees
      for (const name of [victim, SOURCE].filter(one => !fs.existsSync(`${canonical}/${one}`))) {
        fs.mkdirSync(`${canonical}/${name}`)
        fs.writeFileSync(`${canonical}/${name}/text`, createHash('sha512').update(name).digest('hex').repeat(1000))
        makeModesCanonical(`${canonical}/${name}`)
      }
    })

    it('a NAR with another byte', async () => {
      const {url} = await save(world().bucket, world().trees.canonical, victim, {compression: 'none'})
      await damage(url, bytes => {
        bytes[5000] = (bytes[5000] ?? 0) ^ 1
        return bytes
      })
      const {code, message} = await attempt()
      expect([code, message]).to.satisfy(() => code === 'WRONG_NAR' && message.includes(path) && message.includes(url) && message.includes('has hash sha256:'))
    })

    it('compressed bytes that are something else', async () => {
      for (const compression of ['zstd', 'xz', 'bzip2'] as const) {
        const {url} = await save(world().bucket, world().trees.canonical, victim, {compression})
        await damage(url, bytes => Buffer.from(bytes.map((byte, n) => n > 20 ? byte ^ 0x55 : byte)))
        const {code, message} = await attempt()
        expect([compression, code]).to.deep.equal([compression, 'WRONG_NAR'])
        expect(message).to.include(path)
      }
    })

    for (const [what, pack, reason] of [
      ['a NAR that expands without bound', () => zstdCompressSync(Buffer.alloc(1 << 30)), /has more than \d+ bytes/],
      ['the right NAR with more after it', nar => Buffer.concat([zstdCompressSync(nar), zstdCompressSync(Buffer.alloc(8))]), /has more than \d+ bytes/],
      ['a NAR without its end', nar => zstdCompressSync(nar.subarray(0, -8)), /it has hash/],
      ['a frame that says it holds less than it does', nar => sayingLess(zstdCompressSync(nar)), /cannot be decompressed/],
      ['a frame that is cut off', nar => zstdCompressSync(nar).subarray(0, -3), /cannot be decompressed: unexpected end/],
    ] as [what: string, pack: (nar: Buffer) => Buffer, reason: RegExp][]) {
      it(`${what}, in zstd frames`, async () => {
        await save(world().bucket, world().trees.canonical, victim, {pack})
        const {code, message} = await attempt()
        expect(code).to.be.oneOf(['WRONG_NAR', 'BAD_NAR'])
        expect(message).to.match(reason).and.to.include(path)
      })
    }

    it('another whole NAR in the place of the signed one', async () => {
      await save(world().bucket, world().trees.canonical, victim)
      const other = await save(world().bucket, world().trees.canonical, SOURCE, {deriver: null, compression: 'none'})
      // Where a NAR lies and what it weighs there is no part of what is signed.
      await damage(keys.narinfo(hashPart('k')), bytes => Buffer.from(bytes.toString()
        .replace(/^URL: .*/m, `URL: ${other.url}`).replace(/^Compression: .*/m, 'Compression: none')
        .replace(/^FileHash: .*/m, `FileHash: ${other.fileHash ?? ''}`).replace(/^FileSize: .*/m, `FileSize: ${other.fileSize ?? 0}`)))
      const {code, message} = await attempt()
      expect([code, message.includes('signed was')]).to.deep.equal(['WRONG_NAR', true])
    })

    it('a NAR that ends too early', async () => {
      const {url} = await save(world().bucket, world().trees.canonical, victim, {compression: 'zstd'})
      await damage(url, bytes => bytes.subarray(0, bytes.length - 10))
      expect((await attempt()).code).to.equal('NAR_TRUNCATED')
    })

    it('a NAR that is not there', async () => {
      const {url} = await save(world().bucket, world().trees.canonical, victim)
      await world().bucket.delete([url])
      expect((await attempt()).code).to.equal('NAR_MISSING')
    })

    it('a narinfo whose references were changed', async () => {
      await save(world().bucket, world().trees.canonical, victim)
      await damage(keys.narinfo(hashPart('k')), bytes => Buffer.from(bytes.toString().replace('References: ', `References: ${OTHER}`)))
      const {code, message} = await attempt()
      expect([code, message.includes(`signature of ${OWN_KEY.name} is forged`)]).to.deep.equal(['BAD_SIGNATURE', true])
    })

    it('a narinfo that another key signed', async () => {
      await save(world().bucket, world().trees.canonical, victim, {key: OTHER_KEY})
      const {code, message} = await attempt()
      expect(code).to.equal('BAD_SIGNATURE')
      expect(message).to.include(`signed by ${OTHER_KEY.name} alone, and trusted is ${OWN_KEY.name}`)
    })

    it('the right narinfo of another path', async () => {
      await save(world().bucket, world().trees.canonical, SOURCE, {deriver: null, compression: 'none'})
      const other = await world().bucket.read(keys.narinfo(hashPart('f')), {maxBytes: 10_000})
      await world().bucket.put(keys.narinfo(hashPart('k')), other?.bytes ?? Buffer.alloc(0))
      expect((await attempt()).message).to.include(`it is of /nix/store/${SOURCE}, not of ${path}`)
    })

    it('a rebuild that is not what the build\'s signed record says', async () => {
      await save(world().bucket, world().trees.canonical, victim)
      const wanted = {path, narHash: `sha256:${'0'.repeat(52)}`}
      expect((await attempt(wanted)).code).to.equal('OTHER_NAR')
    })

    it('a path that nobody saved', async () => {
      expect(await attempt({path: `/nix/store/${hashPart('z')}-nowhere`})).to.deep.equal({
        code: 'PATH_NOT_SAVED', message: `/nix/store/${hashPart('z')}-nowhere is not in bucket ${world().bucket.name}.`,
      })
    })
  })
}
