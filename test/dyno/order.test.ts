import {execFileSync} from 'node:child_process'
import {createHash, randomBytes} from 'node:crypto'
import {chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {gunzipSync} from 'node:zlib'
import {expect} from 'chai'
import {listedFiles} from '../../src/dyno/order/listed-files.ts'
import {parseSlugSource} from '../../src/dyno/order/slug-source.ts'
import {NixError} from '../../src/lib/errors.ts'
import {gitIn} from '../../src/lib/source/git.ts'
import {committedEntries, packEntries} from '../../src/lib/source/pack-folder.ts'
import {packSource, readSourceFiles} from '../../src/lib/source/pack-source.ts'

const ENV = {PATH: process.env['PATH'], GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null'}

describe('a source that is packed where it lies', () => {
  let scratch: string
  let folder: string
  let list: Buffer
  let tree: string
  const git = (...args: string[]) => execFileSync('git', args, {cwd: folder, env: ENV, stdio: 'pipe'})

  before(() => {
    scratch = mkdtempSync(path.join(tmpdir(), 'order-test-'))
    folder = path.join(scratch, 'build')
    for (const name of ['', 'a', 'a/deep', 'empty/in/empty', '.heroku/other']) mkdirSync(path.join(folder, name), {recursive: true})
    // More than any stream holds, so that bytes that come too early or too late show.
    writeFileSync(path.join(folder, 'a/large'), randomBytes(5_000_001))
    writeFileSync(path.join(folder, 'large'), randomBytes(3 << 20))
    for (const name of ['a-b', 'a/x', 'a.b', 'a/deep/ -rf ', '--help', '$(touch evil)', 'line\nbreak', '"quotes\'', 'ünï', '.heroku/other/x', 'tab\there', '*', ':(top)x']) {
      writeFileSync(path.join(folder, name), `${name} is one`)
    }

    writeFileSync(Buffer.concat([Buffer.from(`${folder}/not-utf8-`), Buffer.of(0xff, 0xfe)]), 'bytes')
    writeFileSync(path.join(folder, 'nothing'), '')
    chmodSync(path.join(folder, 'a-b'), 0o755)
    symlinkSync('../../outside', path.join(folder, 'a/link'))
    git('init', '--quiet')
    git('add', '--all')
    tree = git('write-tree').toString().trim()
    list = git('ls-files', '--stage', '-z')
  })
  after(() => {
    rmSync(scratch, {recursive: true})
  })

  const pack = async (entries: Parameters<typeof packEntries>[0]) => {
    const file = path.join(scratch, 'packed.tar.gz')
    const packed = await packEntries(entries, file)
    return {...packed, actual: createHash('sha256').update(gunzipSync(readFileSync(file))).digest('hex')}
  }

  const fromRepository = async () => {
    const client = gitIn(folder, ENV)
    return packSource(client, await readSourceFiles(client, tree), path.join(scratch, 'repository.tar.gz'))
  }

  it('has the tree and the bytes that it has out of its repository', async () => {
    const {sha256} = await fromRepository()
    expect(await pack(committedEntries(folder))).to.deep.equal({tree, sha256, actual: sha256})
    expect(await pack(listedFiles(folder, list))).to.deep.equal({tree, sha256, actual: sha256})
  })

  it('is not made of what a slug has beside the listed files', async () => {
    writeFileSync(path.join(folder, 'a/added'), '')
    try {
      expect((await pack(listedFiles(folder, list))).tree).to.equal(tree)
    } finally {
      unlinkSync(path.join(folder, 'a/added'))
    }
  })

  const lists: [name: string, list: string, says: string][] = [
    ['names what is not there', '100644 0 0\tgone\0', 'gone is not in the slug as it was pushed'],
    ['names a folder as a file', '100644 0 0\ta\0', 'a is not in the slug'],
    ['names a file as a link', '120000 0 0\ta-b\0', 'a-b is not in the slug'],
    ['names a link as a file', '100644 0 0\ta/link\0', 'a/link is not in the slug'],
    ['leads out of the slug', '100644 0 0\ta/../../x\0', 'names "a/../../x"'],
    ['is absolute', '100644 0 0\t/etc/passwd\0', 'names "/etc/passwd"'],
    ['is cut off', '100644 0 0\ta-b', 'is cut off'],
  ]
  for (const [name, text, says] of lists) {
    it(`is refused where the list ${name}`, async () => {
      const error: unknown = await pack(listedFiles(folder, Buffer.from(text))).catch((caught: unknown) => caught)
      expect(error).to.be.instanceOf(NixError).with.property('code', 'SOURCE_INCOMPLETE')
      expect((error as NixError).message).to.include(says)
    })
  }
})

describe('what a slug says of its source', () => {
  const [oid, sha] = ['a'.repeat(40), 'b'.repeat(64)]
  it('is its build\'s source, or what was pushed', () => {
    expect(parseSlugSource(JSON.stringify({tree: oid, source: sha}))).to.deep.equal({kind: 'built', tree: oid, sha256: sha})
    expect(parseSlugSource(JSON.stringify({tree: null, source: null, pushed: {tree: oid, commit: null}}))).to.deep.equal({kind: 'pushed', tree: oid, commit: null})
    expect(parseSlugSource(JSON.stringify({pushed: {tree: oid, commit: '../../x'}}))).to.deep.equal({kind: 'pushed', tree: oid, commit: null})
  })

  for (const text of [null, '', 'null', '[]', '{"tree": "../x", "source": "y"}', '{"pushed": {"tree": "../x"}}', '{"pushed": 1}']) {
    it(`is nothing where it is ${String(text)}`, () => {
      expect(() => parseSlugSource(text)).to.throw(NixError, 'does not say what it was made of')
    })
  }
})
