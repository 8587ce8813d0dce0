import {execFileSync} from 'node:child_process'
import {createHash} from 'node:crypto'
import {mkdtemp, mkdir, readFile, rm, symlink, writeFile, chmod, readdir} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {gunzipSync} from 'node:zlib'
import {expect} from 'chai'
import {NixError} from '../../../src/lib/errors.ts'
import {gitIn} from '../../../src/lib/source/git.ts'
import {packSource, readSourceFiles} from '../../../src/lib/source/pack-source.ts'
import {resolveRevision} from '../../../src/lib/source/revision.ts'
import {snapshotWorktree} from '../../../src/lib/source/worktree.ts'

const ENV = {
  PATH: process.env['PATH'], GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@example.test', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@example.test',
}

describe('the source of a build', () => {
  let folder: string
  const git = (...args: string[]) => execFileSync('git', args, {cwd: folder, env: ENV, stdio: 'pipe'}).toString().trim()
  const commit = () => {
    git('add', '--all')
    git('commit', '--quiet', '--message', 'one')
  }

  const pack = async (ref = 'HEAD') => {
    const client = gitIn(folder, ENV)
    const {tree} = await resolveRevision(client, ref)
    const files = await readSourceFiles(client, tree)
    const file = path.join(folder, '..', `${path.basename(folder)}.tar.gz`)
    try {
      const packed = await packSource(client, files, file)
      return {...packed, files, tar: gunzipSync(await readFile(file))}
    } finally {
      await rm(file, {force: true})
    }
  }

  const contents = (tar: Buffer) => execFileSync('tar', ['--list', '--verbose', '--numeric-owner', '--utc', '--full-time'], {input: tar})
    .toString().trimEnd().split('\n').map(line => line.replaceAll(/ +/g, ' '))

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'source-test-'))
    git('init', '--quiet', '--initial-branch', 'main')
  })
  afterEach(() => rm(folder, {recursive: true, force: true}))

  it('is a tar of files, programs, links and folders, sorted, of owner 0 and mtime 1', async () => {
    await mkdir(path.join(folder, 'a'))
    await writeFile(path.join(folder, 'a', 'x'), 'one\n')
    await writeFile(path.join(folder, 'a-b'), 'two\n')
    await writeFile(path.join(folder, 'run'), '#!/bin/sh\n')
    await chmod(path.join(folder, 'run'), 0o755)
    await symlink('a/x', path.join(folder, 'link'))
    commit()
    const {tar, sha256, pointers} = await pack()
    expect(contents(tar)).to.deep.equal([
      'drwxr-xr-x 0/0 0 1970-01-01 00:00:01 a/',
      '-rw-r--r-- 0/0 4 1970-01-01 00:00:01 a/x',
      '-rw-r--r-- 0/0 4 1970-01-01 00:00:01 a-b',
      'lrwxrwxrwx 0/0 0 1970-01-01 00:00:01 link -> a/x',
      '-rwxr-xr-x 0/0 10 1970-01-01 00:00:01 run',
    ])
    expect(sha256).to.equal(createHash('sha256').update(tar).digest('hex'))
    expect(pointers).to.deep.equal([])
  })

  it('holds the blobs as they are, whatever export-ignore, export-subst and text say', async () => {
    await writeFile(path.join(folder, '.gitattributes'), 'hidden export-ignore\nversion export-subst\n*.txt text eol=crlf\n')
    await writeFile(path.join(folder, 'hidden'), 'here')
    await writeFile(path.join(folder, 'version'), '$Format:%H$')
    await writeFile(path.join(folder, 'lines.txt'), 'a\nb\n')
    commit()
    const {tar} = await pack()
    const read = (name: string) => execFileSync('tar', ['--extract', '--to-stdout', name], {input: tar}).toString()
    expect([read('hidden'), read('version'), read('lines.txt')]).to.deep.equal(['here', '$Format:%H$', 'a\nb\n'])
  })

  it('keeps names of any length and of any bytes', async () => {
    const long = `${'d'.repeat(120)}/${'f'.repeat(200)}`
    await mkdir(path.join(folder, 'd'.repeat(120)))
    await writeFile(path.join(folder, long), '1')
    await writeFile(Buffer.concat([Buffer.from(`${folder}/odd-`), Buffer.from([0xff, 0x0a])]), '2')
    await writeFile(path.join(folder, 'grün'), '3')
    commit()
    const {tar} = await pack()
    const listed = execFileSync('tar', ['--list', '--quoting-style=escape'], {input: tar, env: {...ENV, LC_ALL: 'C'}}).toString().trimEnd().split('\n')
    expect(listed).to.deep.equal([`${'d'.repeat(120)}/`, long, String.raw`gr\303\274n`, String.raw`odd-\377\n`])
  })

  it('leaves out what .slugignore names, and tells of submodules and LFS pointers', async () => {
    await writeFile(path.join(folder, '.slugignore'), 'art\n')
    await mkdir(path.join(folder, 'art'))
    await writeFile(path.join(folder, 'art', 'a'), '')
    await writeFile(path.join(folder, 'big'), `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 1\n`)
    commit()
    git('update-index', '--add', '--cacheinfo', `160000,${git('rev-parse', 'HEAD')},sub`)
    git('commit', '--quiet', '--message', 'two')
    const {files, pointers, tar} = await pack()
    expect([files.ignored, files.submodules, pointers]).to.deep.equal([1, ['sub'], ['big']])
    expect(contents(tar).map(line => line.split(' ').at(-1))).to.deep.equal(['.slugignore', 'big'])
  })

  it('may be a megabyte file after a small one', async () => {
    const big = Buffer.alloc(3_000_001, 'abcdefg')
    await writeFile(path.join(folder, 'a'), 'x')
    await writeFile(path.join(folder, 'b'), big)
    await writeFile(path.join(folder, 'c'), '')
    commit()
    const {tar} = await pack()
    expect(execFileSync('tar', ['--extract', '--to-stdout', 'b'], {input: tar, maxBuffer: 1e8}).equals(big)).to.equal(true)
  })

  it('of the working tree has changed, new and deleted files and no ignored ones, and leaves the repository as it was', async () => {
    await writeFile(path.join(folder, '.gitignore'), 'out\n')
    await writeFile(path.join(folder, 'old'), '1')
    await writeFile(path.join(folder, 'gone'), '1')
    commit()
    await writeFile(path.join(folder, 'old'), '2')
    await writeFile(path.join(folder, 'new'), '3')
    await writeFile(path.join(folder, 'out'), '4')
    await rm(path.join(folder, 'gone'))
    const before = [await readFile(path.join(folder, '.git/index')), (await readdir(path.join(folder, '.git/objects'), {recursive: true})).sort()]
    await mkdir(path.join(folder, 'sub'))
    await using worktree = await snapshotWorktree(path.join(folder, 'sub'), ENV)
    const files = await readSourceFiles(worktree.git, worktree.revision.tree)
    expect(files.entries.map(({path: name}) => name as string)).to.deep.equal(['.gitignore', 'new', 'old'])
    expect(worktree.revision.commit).to.equal(null)
    const after = [await readFile(path.join(folder, '.git/index')), (await readdir(path.join(folder, '.git/objects'), {recursive: true})).sort()]
    expect(after).to.deep.equal(before)
  })

  it('of an unchanged working tree is the commit', async () => {
    await writeFile(path.join(folder, 'a'), '1')
    commit()
    await using worktree = await snapshotWorktree(folder, ENV)
    expect(worktree.revision).to.deep.equal({commit: git('rev-parse', 'HEAD'), tree: git('rev-parse', 'HEAD^{tree}')})
  })

  it('of a working tree needs no commit', async () => {
    await writeFile(path.join(folder, 'a'), '1')
    await using worktree = await snapshotWorktree(folder, ENV)
    expect((await readSourceFiles(worktree.git, worktree.revision.tree)).entries.map(({path: name}) => name as string)).to.deep.equal(['a'])
  })

  const failures: {name: string; act: () => Promise<unknown>; code: string; message: string}[] = [
    {name: 'a repository without a commit', act: () => resolveRevision(gitIn(folder, ENV), 'HEAD'), code: 'NO_COMMIT', message: 'The repository has no commit yet.'},
    {name: 'a ref that is none', act: () => resolveRevision(gitIn(folder, ENV), '--all'), code: 'UNKNOWN_REF', message: '"--all" names no commit or tree of this repository.'},
    {name: 'a folder in no repository', act: () => resolveRevision(gitIn(tmpdir(), ENV), 'HEAD'), code: 'NO_REPOSITORY', message: 'This folder is in no Git repository; the source of a build is a Git tree.'},
    {name: 'a working tree in no repository', act: () => snapshotWorktree(tmpdir(), ENV), code: 'NO_REPOSITORY', message: 'This folder is in no Git repository; the source of a build is a Git tree.'},
    {name: 'a machine without git', act: () => resolveRevision(gitIn(folder, {PATH: folder}), 'HEAD'), code: 'NO_GIT', message: 'The program git could not be started in FOLDER.'},
  ]
  for (const {name, act, code, message} of failures) {
    it(`is refused for ${name}`, async () => {
      const error: unknown = await act().catch((caught: unknown) => caught)
      expect(error).to.be.instanceOf(NixError)
      expect([(error as NixError).code, (error as NixError).message.replace(folder, 'FOLDER')]).to.deep.equal([code, message])
    })
  }
})
