import {existsSync, readFileSync} from 'node:fs'
import {registerHooks} from 'node:module'
import {fileURLToPath} from 'node:url'
import {transformSync} from 'esbuild'

// For tests under the oldest Node that the package supports, which runs what is published and no newer syntax:
//   node --import ./test/support/with-dist.ts node_modules/.bin/mocha 'test/commands/**/*.test.ts'
// What tests import from src/ comes from dist/ (npm run build); the tests themselves are brought down to that Node.
const src = new URL('../../src/', import.meta.url).href
const dist = new URL('../../dist/', import.meta.url).href

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context)
    if (!resolved.url.startsWith(src)) return resolved
    const url = resolved.url.replace(src, dist).replace(/\.ts$/, '.js')
    if (!existsSync(fileURLToPath(url))) throw new Error(`${url} is not there: npm run build`)
    return {...resolved, url, format: 'module'}
  },
  load(url, context, next) {
    if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context)
    const {code} = transformSync(readFileSync(fileURLToPath(url), 'utf8'), {loader: 'ts', format: 'esm', target: `node${process.versions.node}`, sourcefile: fileURLToPath(url), sourcemap: 'inline'})
    return {format: 'module', source: code, shortCircuit: true}
  },
})
