import {randomBytes} from 'node:crypto'
import fs from 'node:fs'
import type {LeftPath} from '../../lib/build/record.ts'
import {hashPartOf} from '../../lib/nix/store-path.ts'
import {kindAt} from '../../lib/view/entry.ts'
import type {DerivationKind} from './derivation-kind.ts'
import {LAYOUT} from './layout.ts'

// One file for each tainted output, named like it. The external builder writes it before the output is registered, so
// whoever is told of the output (a post-build hook) finds it.

/** Outputs that hold the view's paths where they could not be made canonical again. */
export interface Taints {
  /** Whether `HASH-NAME` must not be given to other machines. */
  isTainted: (baseName: string) => boolean
  /** the first place in each file, of all outputs */
  places: LeftPath[]
}

interface Taint {
  kind: DerivationKind
  places: LeftPath[]
}

/** Forgets what an output was found to hold: it is about to be built anew. */
export function forgetTaints(baseNames: readonly string[], folder: string = LAYOUT.tainted): void {
  for (const name of baseNames) fs.rmSync(`${folder}/${name}`, {force: true})
}

/** Remembers what was found in an output. Whole or absent, whoever reads it when. */
export function rememberTaint(baseName: string, taint: Taint, folder: string = LAYOUT.tainted): void {
  fs.mkdirSync(folder, {recursive: true})
  const unfinished = `${folder}/.${hashPartOf(baseName)}-${randomBytes(8).toString('hex')}`
  fs.writeFileSync(unfinished, JSON.stringify(taint))
  fs.renameSync(unfinished, `${folder}/${baseName}`)
}

/** What all builders on this dyno found so far. */
export function readTaints(folder: string = LAYOUT.tainted): Taints {
  const names = kindAt(folder) === null ? [] : fs.readdirSync(folder).filter(name => !name.startsWith('.')).sort()
  const taints = names.map(name => ({name, taint: JSON.parse(fs.readFileSync(`${folder}/${name}`, 'utf8')) as Taint}))
  // Nix renames these outputs when it knows what they hold, and keeps no note of the name that they were built under:
  // whatever is called alike stays here too.
  const renamed = new Set(taints.filter(({taint}) => taint.kind === 'named-after').map(({name}) => withoutHash(name)))
  return {
    isTainted: baseName => names.includes(baseName) || renamed.has(withoutHash(baseName)),
    places: taints.flatMap(({taint}) => taint.places),
  }
}

function withoutHash(baseName: string): string {
  return baseName.slice(hashPartOf(baseName).length)
}
