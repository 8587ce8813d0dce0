import {execFile} from 'node:child_process'
import {open} from 'node:fs/promises'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {expect} from 'chai'
import {fromText, type ByteString} from '../../../src/lib/slug/byte-string.ts'
import {tarHeader} from '../../../src/lib/slug/tar-header.ts'
import {inTemporaryDirectory} from './trees.ts'

const GIB = 1024 ** 3

describe("a tar member's header", () => {
  for (const size of [0, 1, 8 * GIB - 1, 8 * GIB, 8 * GIB + 1, 300 * GIB]) {
    it(`tells GNU tar a size of ${size} bytes`, async () => {
      await inTemporaryDirectory(async directory => {
        const archive = join(directory, 'sparse.tar')
        const file = await open(archive, 'w')
        await file.write(tarHeader({kind: 'file', name: fromText('huge'), mode: 0o444, size, target: '' as ByteString}))
        // Content and end are a hole.
        await file.truncate(512 + Math.ceil(size / 512) * 512 + 1024)
        await file.close()
        const {stdout, stderr} = await promisify(execFile)('tar', ['--utc', '--numeric-owner', '-tvf', archive])
        expect(stderr).to.equal('')
        expect(stdout.replace(/ +/g, ' ')).to.equal(`-r--r--r-- 0/0 ${size} 1970-01-01 00:00 huge\n`)
      })
    })
  }
})
