import {join} from 'node:path'
import {build} from 'esbuild'
import type {PageAssets} from '../src/lib/treemap/page.ts'

const page = join(import.meta.dirname, '../src/page')

/** Makes one script and one style of src/page, for browsers of the last two years. */
export async function bundlePage(): Promise<PageAssets> {
  const {outputFiles} = await build({
    entryPoints: {script: join(page, 'main.ts'), style: join(page, 'page.css')}, outdir: page, write: false,
    bundle: true, minify: true, format: 'iife', target: ['chrome120', 'firefox120', 'safari17'], charset: 'ascii', legalComments: 'none', logLevel: 'warning',
  })
  const text = (end: string) => outputFiles.find(({path}) => path.endsWith(end))?.text.trim() ?? ''
  return {script: text('.js'), style: text('.css')}
}
