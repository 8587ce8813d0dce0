import {expect} from 'chai'
import fc from 'fast-check'
import {execFileSync} from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import {bufferSource, type Patchable} from '../../src/lib/scan/byte-source.ts'
import {tarSum} from '../../src/lib/scan/container.ts'
import {SCAN_LIMITS} from '../../src/lib/scan/limits.ts'
import {VIEW_PATH} from '../../src/lib/scan/needle.ts'
import {repairSums} from '../../src/lib/scan/repair-sums.ts'
import {scanInside} from '../../src/lib/scan/scan-inside.ts'
import {check, mutate, mutation, TIMEOUT} from './check.ts'

describe('any bytes that look like an archive', function () {
  this.timeout(TIMEOUT)
  const originals: Buffer[] = []
  before(() => {
    const root = fs.mkdtempSync(`${os.tmpdir()}/fuzz-archives-`)
    fs.mkdirSync(`${root}/a`)
    fs.writeFileSync(`${root}/a/text`, 'see /nix/store/6f6had9j0i1g00p64sfs94jbm2pcfvbj-x\n')
    fs.writeFileSync(`${root}/a/other`, 'x'.repeat(2000))
    const made = [
      'tar -cf made a', 'tar --format=posix -cf made a', 'tar -czf made a', 'tar -cf - a | zstd -q > made', 'zip -qr - a | cat > made',
      'zip -q0r made.zip a; mv made.zip made', 'zip -q0r i.zip a; tar -cf made i.zip', 'gzip -c a/text > made', 'zip -qr i.zip a; gzip -c i.zip > made',
    ]
    for (const script of made) {
      execFileSync('sh', ['-c', `rm -f i.zip made; ${script}`], {cwd: root})
      originals.push(fs.readFileSync(`${root}/made`))
    }

    fs.rmSync(root, {recursive: true})
  })

  it('are searched to an end', () =>
    check(fc.asyncProperty(mutation, async change => {
      const end = await scanInside(bufferSource(withTarSums(mutate(originals, change))), VIEW_PATH, {...SCAN_LIMITS, bytes: 1 << 20, ratioFrom: 1 << 16})
      expect(end.kind).to.be.oneOf(['clean', 'not-scanned'])
    })))

  it('keep their length when sums are repaired, and all their bytes where none was replaced', () =>
    check(fc.property(mutation, change => {
      const before = mutate(originals, change)
      const after = Buffer.from(before)
      repairSums(bufferSource(before), patchable(after))
      expect(after.equals(before)).to.equal(true)
    })))

  it('are, replaced and repaired and replaced back and repaired, what they were', () =>
    check(fc.property(mutation, change => {
      const before = mutate(originals, change)
      const once = replaced(before, '/nix/store', '/app/.nixs')
      const back = replaced(once, '/app/.nixs', '/nix/store')
      expect(once.length).to.equal(before.length)
      expect(back.equals(before)).to.equal(true)
    })))
})

/** With right sums wherever a tar's header may be: only those get past the first check. */
function withTarSums(bytes: Buffer): Buffer {
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const header = bytes.subarray(at, at + 512)
    if (header.toString('latin1', 257, 262) === 'ustar') header.write(`${tarSum(header).toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  }

  return bytes
}

function replaced(before: Buffer, from: string, to: string): Buffer {
  const after = Buffer.from(before.toString('latin1').replaceAll(from, to), 'latin1')
  repairSums(bufferSource(before), patchable(after))
  return after
}

function patchable(bytes: Buffer): Patchable {
  return {
    ...bufferSource(bytes),
    write(at, piece) {
      if (at < 0 || at + piece.length > bytes.length) throw new RangeError(`${piece.length} bytes at ${at} of ${bytes.length}`)
      bytes.set(piece, at)
    },
  }
}
