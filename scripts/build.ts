import {spawnSync} from 'node:child_process'
import {cp, mkdir, rename, rm, writeFile} from 'node:fs/promises'
import {createRequire} from 'node:module'
import {dirname, join} from 'node:path'
import {bundlePage} from './bundle-page.ts'
import {dynoProgram} from './dyno-bundle.ts'

// Makes dist/: the plugin, compiled file by file; what goes to dynos, the program in one file and its loader; and what goes
// into the page that shows a slug.
const root = join(import.meta.dirname, '..')
const target = join(root, 'dist')
// Beside the old one until it is whole: a plugin that is linked while it is built goes on working.
const made = join(root, `dist.new-${process.pid}`)
const old = join(root, `dist.old-${process.pid}`)

try {
  if (compile()) {
    await bundle()
    await writePage()
    await rename(target, old).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        throw error
      }
    })
    await rename(made, target)
  } else {
    process.exitCode = 1
  }
} finally {
  await rm(made, {recursive: true, force: true})
  await rm(old, {recursive: true, force: true})
}

/** Whether the compiler had nothing to say. */
function compile(): boolean {
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
  const {status} = spawnSync(process.execPath, [join(typescript, 'bin/tsc'), '-p', join(root, 'tsconfig.build.json'), '--outDir', made], {stdio: 'inherit'})
  return status === 0
}

async function bundle(): Promise<void> {
  await mkdir(join(made, 'toolbox'))
  await writeFile(join(made, 'toolbox', 'dyno.mjs'), await dynoProgram())
  await cp(join(root, 'src/dyno/loader.sh'), join(made, 'toolbox', 'loader.sh'))
}

async function writePage(): Promise<void> {
  const {script, style} = await bundlePage()
  await mkdir(join(made, 'page'))
  await writeFile(join(made, 'page', 'treemap.js'), script)
  await writeFile(join(made, 'page', 'treemap.css'), style)
}
