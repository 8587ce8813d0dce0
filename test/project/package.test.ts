import {expect} from 'chai'
import {execa} from 'execa'
import {mkdir, readFile, symlink, writeFile} from 'node:fs/promises'
import {builtinModules} from 'node:module'
import {join} from 'node:path'
import {fileURLToPath, pathToFileURL} from 'node:url'
import ts from 'typescript'
import {findPaths} from '../../src/lib/restore/find-paths.ts'
import {OWN_KEY} from '../lib/closure/support/narinfos.ts'
import {clockedBucket} from '../lib/gc/support/clocked-bucket.ts'
import {save} from '../lib/restore/support/saved-store.ts'
import {makeTrees} from '../lib/view/support/trees.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

describe('the package', () => {
  let files: string[]

  before(async () => {
    const {stdout} = await execa('npm', ['pack', '--ignore-scripts', '--dry-run', '--json'], {cwd: root})
    const [{files: packed}] = JSON.parse(stdout) as [{files: {path: string}[]}]
    files = packed.map(({path}) => path)
  })

  it('has what the plugin reads beside its code, and neither the dyno program twice nor types', () => {
    expect(files).to.include.members(['dist/toolbox/dyno.mjs', 'dist/toolbox/loader.sh', 'dist/page/treemap.js', 'dist/page/treemap.css', 'oclif.manifest.json', 'tools.lock.json'])
    expect(files.filter(file => file.startsWith('dist/dyno/') || file.endsWith('.d.ts') || file.endsWith('.test.js'))).to.deep.equal([])
  })

  it('restores by threads as it is packed, whose program is a file beside the one that starts them', async () => {
    using trees = makeTrees()
    const {stdout} = await execa('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', trees.root], {cwd: root})
    await execa('tar', ['--extract', '--file', join(trees.root, stdout.trim()), '--directory', trees.root])
    await symlink(join(root, 'node_modules'), join(trees.root, 'node_modules'))
    const name = `${'a'.repeat(32)}-hello`
    await mkdir(join(trees.canonical, name))
    await writeFile(join(trees.canonical, name, 'text'), `of /nix/store/${name}`)
    const bucket = clockedBucket({now: new Date()})
    await save(bucket, trees.canonical, name)
    const found = await findPaths(bucket, [{path: `/nix/store/${name}`}], {trusted: [OWN_KEY.publicKey]})
    const {restoreTree} = await import(pathToFileURL(join(trees.root, 'package/dist/lib/restore/restore-tree.js')).href) as typeof import('../../src/lib/restore/restore-tree.ts')
    await restoreTree(bucket, found, {folder: trees.view, rules: null, threads: 2})
    expect(await readFile(join(trees.view, name, 'text'), 'utf8')).to.equal(`of /app/.nixs/${name}`)
  }).timeout(60_000)

  it('depends on each package that its code imports', async () => {
    const {dependencies} = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {dependencies: Record<string, string>}
    const missing: string[] = []
    for (const file of files.filter(name => name.endsWith('.js') && !name.startsWith('dist/page/'))) {
      for (const {fileName: specifier} of ts.preProcessFile(await readFile(join(root, file), 'utf8')).importedFiles) {
        const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
        if (!/^(\.|node:)/.test(specifier) && !builtinModules.includes(name) && !(name in dependencies)) missing.push(`${file}: ${specifier}`)
      }
    }

    expect(missing).to.deep.equal([])
  })
})
