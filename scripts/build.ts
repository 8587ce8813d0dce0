import {execFileSync} from 'node:child_process'
import {cp, rm} from 'node:fs/promises'
import {createRequire} from 'node:module'
import {dirname, join} from 'node:path'
import {build} from 'esbuild'

// Makes dist/: the plugin, compiled file by file, and what goes to dynos: the program in one file and its loader.
const root = join(import.meta.dirname, '..')
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))

await rm(join(root, 'dist'), {recursive: true, force: true})
execFileSync(process.execPath, [join(typescript, 'bin/tsc'), '-p', join(root, 'tsconfig.build.json')], {stdio: 'inherit'})
await build({
  entryPoints: [join(root, 'src/dyno/main.ts')],
  outfile: join(root, 'dist/toolbox/dyno.mjs'),
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  // Some dependencies are CommonJS and call `require` for Node's own modules, which an ES module lacks.
  banner: {js: 'import {createRequire as __createRequire} from "node:module"; const require = __createRequire(import.meta.url);'},
  logLevel: 'warning',
})
await cp(join(root, 'src/dyno/loader.sh'), join(root, 'dist/toolbox/loader.sh'))
