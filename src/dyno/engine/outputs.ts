import fs from 'node:fs'
import {hashPartOf} from '../../lib/nix/store-path.ts'
import {makeModesCanonical, STORE_MTIME} from '../../lib/view/canonical-modes.ts'
import {rewritingDeriver} from '../../lib/view/derive.ts'
import {kindAt, type DiskPath} from '../../lib/view/entry.ts'
import {publish} from '../../lib/view/publish.ts'
import {removeTree} from '../../lib/view/remove.ts'
import {TO_STORE, toStoreOnly, type Rewriting} from '../../lib/view/rewriting.ts'
import type {Trees} from '../../lib/view/view.ts'
import type {DerivationKind} from './derivation-kind.ts'
import type {Unmapped} from './scan-outputs.ts'

/** Removes outputs (`HASH-NAME`) from both trees: Nix deletes the logical path, which does not exist here. */
export function removeOutputs({canonical, view}: Trees, outputs: readonly string[]): void {
  for (const name of outputs) {
    removeTree(`${view}/${name}`)
    removeTree(`${canonical}/${name}`)
    // What a Nix leaves that was killed while it rewrote the hash in a content-addressed output, and no later one gets past.
    removeTree(`${canonical}/${name}.tmp`)
  }
}

/**
 * Makes the canonical outputs of those in the view. One that the builder did not make stays absent: Nix refuses that by name.
 * Returns what in each was not mapped back.
 */
export function deriveOutputs(
  trees: Trees, outputs: readonly string[], {kind, inputs, onProgress}: {kind: DerivationKind; inputs: readonly string[]; onProgress: () => void},
): Unmapped[] {
  let about = {files: new Array<DiskPath>(), folders: new Array<DiskPath>(), isAmbiguous: false}
  const deriver = rewritingDeriver(whatIsOurs(kind, [...inputs, ...outputs]), {
    onContainer: source => about.files.push(relativeTo(trees.view, source)),
    onNamedLike: source => about.folders.push(relativeTo(trees.view, source)),
    onAmbiguous() {
      about.isAmbiguous = true
    },
    onProgress,
  })
  const containers: Unmapped[] = []
  try {
    for (const name of outputs) {
      const made = `${trees.view}/${name}`
      if (kindAt(made) === null) continue
      about = {files: [], folders: [], isAmbiguous: false}
      containers.push({name, files: about.files, folders: about.folders})
      const {mode} = fs.lstatSync(made)
      makeModesCanonical(made)
      if (publish(deriver, made, `${trees.canonical}/${name}`) === null) throw new Error(`${trees.canonical}/${name} was made by somebody else during its build`)
      // Nix refuses such an output by name: others than its builder could have written it.
      if ((mode & fs.constants.S_IFMT) !== fs.constants.S_IFLNK && (mode & 0o022) !== 0) fs.chmodSync(`${trees.canonical}/${name}`, mode)
      // Several threads tell of them in any order.
      about.files.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      // Named after it is built: Nix now finds its name, under which the view gets it when it is needed. Ambiguous: a file that
      // says /nix/store here says /app/.nixs where it is fetched from a cache. The view is what the canonical bytes make it.
      if (kind === 'named-after' || about.isAmbiguous) removeTree(made)
      // So that it is later than its canonical path's birth, as in every path that the view derived.
      else fs.lutimesSync(made, STORE_MTIME, STORE_MTIME)
    }
  } finally {
    deriver.close()
  }

  return containers
}

function relativeTo(folder: string, path: DiskPath): DiskPath {
  return typeof path === 'string' ? path.slice(folder.length + 1) : path.subarray(Buffer.byteLength(folder) + 1)
}

function whatIsOurs(kind: DerivationKind, baseNames: readonly string[]): Rewriting {
  return kind === 'fixed-output' ? toStoreOnly(baseNames.map(hashPartOf)) : TO_STORE
}
