import {createHash} from 'node:crypto'
import fs from 'node:fs'
import {basename, dirname} from 'node:path'
import {encodeBase32} from '../../lib/nix/base32.ts'
import {baseNameOf, hashPartOf} from '../../lib/nix/store-path.ts'
import {fileDeriver} from '../../lib/view/derive-file.ts'
import {entriesOf} from '../../lib/view/entry.ts'
import {removeTree} from '../../lib/view/remove.ts'
import {TO_VIEW} from '../../lib/view/rewriting.ts'
import type {BuildJson} from './build-json.ts'

/** Set by Nix from its own settings, not by the derivation. */
const SETTINGS = new Set(['NIX_BUILD_CORES', 'NIX_LOG_FD', 'TERM'])

/**
 * A name for the build's folder that depends on the derivation alone: some builders leave it in their outputs, which must
 * be equal when built again. `--check` builds under another output path, so that is left out of it.
 */
export function buildFolderName(job: BuildJson, files: readonly {name: string; content: Buffer}[]): string {
  const outputs = Object.entries(job.outputs).map(([name, path]) => [hashPartOf(baseNameOf(path)), `<${name}>`] as const)
  const nameless = (text: string) => outputs.reduce((done, [hash, name]) => done.replaceAll(hash, name), text)
  const hash = createHash('sha256')
  const env = Object.entries(job.env).filter(([name]) => !SETTINGS.has(name)).sort(([a], [b]) => (a < b ? -1 : 1))
  hash.update(nameless(JSON.stringify([job.system, job.builder, job.args, env])))
  for (const {name, content} of files) hash.update(JSON.stringify(name)).update(nameless(content.toString('latin1')))
  return encodeBase32(hash.digest().subarray(0, 10))
}

/** The files that Nix put into the build's folder: passAsFile, structured attributes, reference graphs. */
export function builderFiles(folder: string): {name: string; content: Buffer}[] {
  return entriesOf(folder).filter(({kind}) => kind === 'file').map(({name}) => name.toString()).sort()
    .map(name => ({name, content: fs.readFileSync(`${folder}/${name}`)}))
}

/** Relocates those files in place: nobody else has them open yet. */
export function relocateFiles(folder: string): void {
  const deriveFile = fileDeriver(TO_VIEW)
  for (const {name} of builderFiles(folder)) {
    const relocated = `${folder}/${name}.relocated`
    const {mode} = fs.statSync(`${folder}/${name}`)
    const {kind} = deriveFile(`${folder}/${name}`, relocated)
    if (kind === 'copied') fs.chmodSync(relocated, mode)
    fs.renameSync(relocated, `${folder}/${name}`)
    // Renaming one link of a file over another one does nothing.
    fs.rmSync(relocated, {force: true})
  }
}

/** Moves the folder that Nix made to its lasting name. `giveBack` moves it to where Nix looks for it (`--keep-failed`). */
export function takeFolder(tmpDir: string, folder: string): {giveBack: () => void} {
  fs.mkdirSync(dirname(folder), {recursive: true})
  removeTree(folder)
  fs.renameSync(tmpDir, folder)
  return {
    giveBack() {
      // Nix deletes it; a builder may have made it read-only, and then it could not be moved to another folder.
      fs.chmodSync(folder, 0o700)
      fs.renameSync(folder, `${dirname(tmpDir)}/${basename(tmpDir)}`)
    },
  }
}
