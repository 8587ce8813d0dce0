import {expect} from 'chai'
import {execa} from 'execa'
import {readFile} from 'node:fs/promises'
import {builtinModules} from 'node:module'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import ts from 'typescript'

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
