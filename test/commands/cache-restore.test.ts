import {expect} from 'chai'
import {execFileSync} from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import NixBuild from '../../src/commands/nix/build.ts'
import NixCacheRestore from '../../src/commands/nix/cache/restore.ts'
import {keys} from '../../src/lib/bucket/keys.ts'
import {formatSecretKey, makeSecretKey} from '../../src/lib/signing/nix-key.ts'
import {removeTree} from '../../src/lib/view/remove.ts'
import {describeTree} from '../lib/slug/trees.ts'
import {makeTrees, type TestTrees} from '../lib/view/support/trees.ts'
import {APP, LIBRARY, playedClosure, type PlayedClosure} from './play-closure.ts'
import {playSuccess} from './play-dyno.ts'
import {stepsIn} from './steps.ts'
import {useWorld} from './world.ts'

describe('nix:cache:restore', function () {
  this.timeout(120_000)
  const world = useWorld()
  const {setUp, signingKey} = stepsIn(world)
  let trees: TestTrees
  let closure: PlayedClosure
  let build: string

  before(async () => {
    trees = makeTrees()
    closure = playedClosure(trees, 'echo hello\n')
    await setUp('restored')
    fs.writeFileSync(path.join(world().project, '.slugexclude'), '- /store/*/share/\n')
    world().git('add', '--all')
    world().git('commit', '--quiet', '--message', 'two')
    build = await built()
  })
  after(() => trees[Symbol.dispose]())

  async function built(): Promise<string> {
    const key = await signingKey('restored')
    const made = await closure.save(world().bucket, key)
    const {result} = await world().run(NixBuild, ['--app=restored', '--force', '--detach'])
    const id = (result as {build: string}).build
    await playSuccess(world().bucket, {app: 'restored', build: id, signingKey: key, made})
    return id
  }

  const folderOf = (name: string) => path.join(trees.root, name)
  const restore = (name: string, ...args: string[]) => world().run(NixCacheRestore, ['--app=restored', `--into=${folderOf(name)}`, ...args])
  const filesIn = async (folder: string) => (await describeTree(folder)).map(line => /"(.*?)"/.exec(line)?.[1] ?? '')

  it('puts there what a dyno has: the closure of the build that redeploy takes, relocated, pruned by its own .slugexclude', async () => {
    const {error, stdout, stderr, result} = await restore('own')
    expect(error, stderr).to.equal(null)
    expect(result).to.deep.include({app: 'restored', build, folder: folderOf('own'), roots: [path.join(folderOf('own'), APP)], paths: 2, files: 2, there: 0, pruned: 0})
    expect(stdout).to.equal(`${path.join(folderOf('own'), APP)}\n`)
    expect(stderr).to.include(`Pruned by .slugexclude of build ${build}`).and.to.match(/2 paths, 2 files, \d+ B$/m)
    const view = (await describeTree(trees.view)).filter(line => !line.includes('share'))
    expect(await describeTree(folderOf('own'))).to.deep.equal(view)
    expect(fs.readFileSync(path.join(folderOf('own'), APP, 'bin/hello'), 'utf8')).to.include(`/app/.nixs/${LIBRARY}/lib`)
  })

  it('keeps everything, or what other rules keep', async () => {
    expect((await restore('all', '--all', '--build', build)).result).to.deep.include({build, files: 3})
    expect(await describeTree(folderOf('all'))).to.deep.equal(await describeTree(trees.view))
    fs.writeFileSync(path.join(world().project, 'rules'), '- /store/*-library/\n')
    const {result, stderr} = await restore('other', '--slugexclude=rules')
    expect(result).to.deep.include({paths: 1, files: 1, pruned: 1})
    expect(stderr).to.include('Pruned by rules').and.to.include('(1 left out)')
    expect((await filesIn(folderOf('other'))).some(name => name.includes('library'))).to.equal(false)
  })

  it('takes paths, by any of their names, with all that they refer to or alone', async () => {
    const {result, stdout} = await restore('named', `/nix/store/${APP}/bin/hello`)
    expect(result).to.deep.include({build: null, paths: 2, files: 3, roots: [path.join(folderOf('named'), APP)]})
    expect(stdout).to.equal(`${path.join(folderOf('named'), APP)}\n`)
    expect((await restore('alone', '--no-references', APP, `/app/.nixs/${APP}`)).result).to.deep.include({paths: 1, files: 1})
    expect(fs.readdirSync(folderOf('alone'))).to.deep.equal([APP])
  })

  it('restores by threads, as it does what is large', async () => {
    class Threaded extends NixCacheRestore {
      protected override threads = 2
    }
    const {error} = await world().run(Threaded, ['--app=restored', `--into=${folderOf('threaded')}`, '--all'])
    expect(error).to.equal(null)
    expect(await describeTree(folderOf('threaded'))).to.deep.equal(await describeTree(trees.view))
  })

  it('goes on after it was killed: what is there stays, what was not finished is made anew', async () => {
    await restore('killed', '--all')
    removeTree(path.join(folderOf('killed'), LIBRARY))
    const unfinished = path.join(folderOf('killed'), `.unfinished-${LIBRARY.slice(0, 32)}-0123456789abcdef`)
    fs.mkdirSync(`${unfinished}/lib`, {recursive: true})
    const {result, stderr} = await restore('killed', '--all')
    expect(result).to.deep.include({paths: 1, there: 1})
    expect(stderr).to.include('(1 already there)')
    expect(await describeTree(folderOf('killed'))).to.deep.equal(await describeTree(trees.view))
  })

  it('writes nothing into a folder that holds something else', async () => {
    fs.mkdirSync(folderOf('mine'))
    fs.writeFileSync(path.join(folderOf('mine'), 'notes'), 'mine')
    const {error} = await restore('mine')
    expect([error?.code, error?.exit]).to.deep.equal(['FOLDER_IN_USE', 2])
    expect(error?.message).to.equal(`${folderOf('mine')} holds something else than store paths: notes. Nothing was written.`)
    expect(fs.readdirSync(folderOf('mine'))).to.deep.equal(['notes'])
    const file = await restore('mine/notes')
    expect([file.error?.code, file.error?.exit]).to.deep.equal(['UNWRITABLE_FOLDER', 2])
  })

  for (const threads of [0, 2]) {
    it(`says so where there is no space left, and leaves nothing unfinished, by ${threads} threads`, async function () {
      if (process.getuid?.() !== 0) return this.skip()
      const folder = folderOf(`small-${threads}`)
      fs.mkdirSync(folder)
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8k', 'tmpfs', folder])
      try {
        class Threaded extends NixCacheRestore {
          protected override threads = threads
        }
        const {error} = await world().run(Threaded, ['--app=restored', `--into=${folder}`, '--all'])
        expect([error?.code, error?.exit]).to.deep.equal(['DISK_FULL', 2])
        expect(error?.message).to.equal(`There is no space left in ${folder}. The paths that are whole stay.`)
        expect(fs.readdirSync(folder).filter(name => name.startsWith('.'))).to.deep.equal([])
      } finally {
        execFileSync('umount', [folder])
      }
    })
  }

  const usage: [what: string, args: string[], code: string][] = [
    ['what is no store path', ['hello'], 'BAD_STORE_PATH'],
    ['both paths and a build', ['--build=20261123-101500-k3xq', APP], 'BAD_FLAGS'],
    ['--no-references without paths', ['--no-references'], 'BAD_FLAGS'],
    ['rules that are not there', ['--slugexclude=nowhere'], 'UNREADABLE_FILE'],
  ]
  for (const [what, args, code] of usage) {
    it(`refuses ${what}, before it asks anybody`, async () => {
      const {error} = await restore('refused', ...args)
      expect([error?.code, error?.exit]).to.deep.equal([code, 2])
      expect(fs.existsSync(folderOf('refused'))).to.equal(false)
      expect(await world().standin.requests()).to.deep.equal([])
    })
  }

  it('names a path that nobody has saved', async () => {
    const path = `/nix/store/${'c'.repeat(32)}-nowhere`
    const {error} = await restore('absent', path)
    expect([error?.code, error?.exit, error?.message]).to.deep.equal(['PATH_NOT_SAVED', 10, `${path} is not in bucket ${world().bucket.name}.`])
  })

  it('names a NAR that is not what was signed, and gives it no name', async () => {
    const narinfo = await world().bucket.read(keys.narinfo(LIBRARY.slice(0, 32)), {maxBytes: 10_000})
    const url = /^URL: (.*)$/m.exec(narinfo?.bytes.toString() ?? '')?.[1] ?? ''
    const nar = await world().bucket.read(url, {maxBytes: 1e6})
    const bytes = Buffer.from(nar?.bytes ?? '')
    await world().bucket.put(url, bytes.fill(0, 40, 60))
    try {
      const {error} = await restore('tampered', '--all')
      expect([error?.code, error?.exit]).to.deep.equal(['WRONG_NAR', 10])
      expect(error?.message).to.include(`/nix/store/${LIBRARY}`).and.to.include(url)
      expect(fs.readdirSync(folderOf('tampered')).filter(name => name !== APP)).to.deep.equal([])
    } finally {
      await world().bucket.put(url, nar?.bytes ?? Buffer.alloc(0))
    }
  })

  it('refuses what another key signed', async () => {
    const {standin} = world()
    const own = await signingKey('restored')
    await standin.api('PATCH', '/apps/restored/config-vars', {NIX_SIGNING_KEY: formatSecretKey(makeSecretKey('restored-2', Buffer.alloc(32, 9)))})
    try {
      expect((await restore('foreign')).error).to.include({code: 'BAD_SIGNATURE', exit: 10})
      expect((await restore('foreign', APP)).error).to.include({code: 'BAD_SIGNATURE', exit: 10})
    } finally {
      await standin.api('PATCH', '/apps/restored/config-vars', {NIX_SIGNING_KEY: own})
    }
  })

  it('says what to do for an app that is not set up, and for one without a build', async () => {
    await world().standin.createApp('bare')
    const bare = await world().run(NixCacheRestore, ['--app=bare', `--into=${folderOf('bare')}`])
    expect([bare.error?.code, bare.error?.exit, bare.error?.suggestions]).to.deep.equal(['NOT_SET_UP', 3, ['heroku nix:setup --app bare']])
    await setUp('unbuilt')
    const unbuilt = await world().run(NixCacheRestore, ['--app=unbuilt', `--into=${folderOf('unbuilt')}`])
    expect([unbuilt.error?.code, unbuilt.error?.exit]).to.deep.equal(['NO_BUILD', 3])
    expect(fs.existsSync(folderOf('unbuilt'))).to.equal(false)
  })
})
