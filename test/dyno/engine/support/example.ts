import {execFileSync} from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

const EXAMPLE = path.resolve(import.meta.dirname, '../../../../examples/flask')

/** The demo app with its packages downloaded, in `scratch`; or the prepared one that EXAMPLE_PROJECT names. */
export function prepareExample(scratch: string): string {
  const named = process.env['EXAMPLE_PROJECT']
  if (named !== undefined) return named
  const folder = `${scratch}/source`
  fs.cpSync(EXAMPLE, folder, {recursive: true})
  if (!fs.existsSync(`${folder}/packages.json`)) execFileSync(process.execPath, [`${folder}/fetch-packages`, folder], {stdio: ['ignore', 'ignore', 'inherit']})
  return folder
}
