import {expect} from 'chai'
import {execa} from 'execa'
import {mkdir, mkdtemp, rm, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import path from 'node:path'

const APP = `${'a'.repeat(32)}-app`
const LIB = `${'b'.repeat(32)}-lib`
describe('nix:slugexclude:check --tree', function () {
  this.timeout(120_000)
  let folder: string
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'check-test-'))
    await mkdir(path.join(folder, 'tree/store', APP, 'bin'), {recursive: true})
    await mkdir(path.join(folder, 'tree/store', LIB, 'bin'), {recursive: true})
    await writeFile(path.join(folder, 'tree/store', LIB, 'bin/sh'), 'a shell')
    await writeFile(path.join(folder, 'tree/store', APP, 'bin/app'), `#!/nix/store/${LIB}/bin/sh\n`, {mode: 0o755})
    await symlink(`store/${APP}`, path.join(folder, 'tree/result'))
    await writeFile(path.join(folder, 'breaks'), 'sh\n')
    await writeFile(path.join(folder, 'fine'), '*.txt\n')
  })
  after(() => rm(folder, {recursive: true, force: true}))

  const check = (...argv: string[]) => execa(process.execPath, [path.resolve(import.meta.dirname, 'check-main.ts'), ...argv], {
    cwd: folder, reject: false, env: {GIT_CEILING_DIRECTORIES: tmpdir()},
  })

  it('ends with 0 where nothing breaks, and says which rules it used', async () => {
    const {exitCode, stdout, stderr} = await check('--tree=tree', '--slugexclude=fine')
    expect(exitCode, stderr).to.equal(0)
    expect(stderr).to.equal('tree, pruned by fine')
    expect(stdout).to.include('Fine: nothing that is kept needs anything that is dropped.').and.include('the closure has nothing of that name')
  })

  it('ends with 12 where something would break, with --json too', async () => {
    const {exitCode, stdout} = await check('--tree=tree', '--slugexclude=breaks')
    expect(exitCode).to.equal(12)
    expect(stdout).to.include('lib/bin/sh is dropped by line 1: sh\n    app/bin/app is run by it (byte 2)')
    const json = await check('--tree=tree', '--slugexclude=breaks', '--json')
    expect(json.exitCode).to.equal(12)
    expect(JSON.parse(json.stdout)).to.deep.include({outcome: 'wouldBreak', slugexclude: 'breaks'})
  })

  it('lists paths alone', async () => {
    const {exitCode, stdout} = await check('--tree=tree', '--slugexclude=breaks', '--list=excluded')
    expect([exitCode, stdout]).to.deep.equal([0, `store/${LIB}/\nstore/${LIB}/bin/\nstore/${LIB}/bin/sh`])
  })

  it('says why something is kept', async () => {
    expect((await check('--tree=tree', '--why=lib')).stdout).to.equal('lib/bin/sh is kept:\n  app/bin/app\n    is run by lib/bin/sh (byte 2)')
  })

  it('names a folder without store/, and rules that are not there', async () => {
    expect((await check('--tree=.')).stderr).to.equal('NO_STORE . holds no folder store; .slugexclude\'s paths begin with that.')
    const {exitCode, stderr} = await check('--tree=tree', '--slugexclude=nowhere')
    expect([exitCode, stderr]).to.deep.equal([2, 'UNREADABLE_FILE --slugexclude names nowhere, which is not there.'])
  })
})
