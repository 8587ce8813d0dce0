import {readFile} from 'node:fs/promises'
import path from 'node:path'
import {EXIT, NixError} from '../lib/errors.ts'
import type {PageAssets} from '../lib/treemap/page.ts'
import {PACKAGE_ROOT} from './own-toolbox.ts'

/**
 * The program and the style of the page that shows a slug.
 * @throws NixError NOT_BUILT in a checkout that was never built
 */
export async function ownPage(): Promise<PageAssets> {
  const [script, style] = await Promise.all([own('treemap.js'), own('treemap.css')])
  return {script, style}
}

async function own(file: string): Promise<string> {
  try {
    return await readFile(path.join(PACKAGE_ROOT, 'dist', 'page', file), 'utf8')
  } catch (error) {
    throw new NixError(`This copy of heroku-nix is not whole: it has no dist/page/${file}.`, {
      code: 'NOT_BUILT', exit: EXIT.unexpected, suggestions: ['heroku plugins:update', 'in a checkout: npm run build'], cause: error,
    })
  }
}
