import {expect} from 'chai'
import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {NixError} from '../../../src/lib/errors.ts'
import {replaceFile, writeNewFile} from '../../../src/lib/output/write-file.ts'

describe('files that a command writes', () => {
  let dir: string
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'write-file-'))
  })
  afterEach(() => rm(dir, {recursive: true, force: true}))

  it('a suggestion leaves a file alone that is there', async () => {
    const file = join(dir, 'a')
    await writeNewFile(file, 'a', 'first')
    const error: unknown = await writeNewFile(file, 'a', 'second').catch((reason: unknown) => reason)
    expect(error).to.be.instanceOf(NixError).with.property('code', 'FILE_EXISTS')
    expect(await readFile(file, 'utf8')).to.equal('first')
  })

  it('a page takes the place of an older one, and leaves nothing beside it', async () => {
    const file = join(dir, 'a')
    await replaceFile(file, 'a', 'first')
    await replaceFile(file, 'a', 'second')
    expect([await readFile(file, 'utf8'), await readdir(dir)]).to.deep.equal(['second', ['a']])
    const error: unknown = await replaceFile(join(dir, 'no/a'), 'no/a', 'x').catch((reason: unknown) => reason)
    expect(error).to.be.instanceOf(NixError).with.property('code', 'UNWRITABLE_FILE')
  })
})
