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
import type {OutputContainers} from './scan-outputs.ts'

/** Removes outputs (`HASH-NAME`) from both trees: Nix deletes the logical path, which does not exist here. */
export function removeOutputs({canonical, view}: Trees, outputs: readonly string[]): void {
  for (const name of outputs) {
    removeTree(`${view}/${name}`)
    removeTree(`${canonical}/${name}`)
  }
}

/**
 * Makes the canonical outputs of those in the view. One that the builder did not make stays absent: Nix refuses that by name.
 * Returns which files in each hold others, where nothing was mapped back.
 */
export function deriveOutputs(trees: Trees, outputs: readonly string[], kind: DerivationKind, inputs: readonly string[]): OutputContainers[] {
  let files: DiskPath[] = []
  const deriver = rewritingDeriver(whatIsOurs(kind, [...inputs, ...outputs]), source => {
    files.push(relativeTo(trees.view, source))
  })
  const containers: OutputContainers[] = []
  for (const name of outputs) {
    const made = `${trees.view}/${name}`
    if (kindAt(made) === null) continue
    files = []
    containers.push({name, files})
    makeModesCanonical(made)
    if (publish(deriver, made, `${trees.canonical}/${name}`) === null) throw new Error(`${trees.canonical}/${name} was made by somebody else during its build`)
    // Content-addressed: Nix now finds its real name, under which the view gets it when it is needed.
    if (kind === 'content-addressed') removeTree(made)
    // So that it is later than its canonical path's birth, as in every path that the view derived.
    else fs.lutimesSync(made, STORE_MTIME, STORE_MTIME)
  }

  return containers
}

function relativeTo(folder: string, path: DiskPath): DiskPath {
  return typeof path === 'string' ? path.slice(folder.length + 1) : path.subarray(Buffer.byteLength(folder) + 1)
}

function whatIsOurs(kind: DerivationKind, baseNames: readonly string[]): Rewriting {
  return kind === 'fixed-output' ? toStoreOnly(baseNames.map(hashPartOf)) : TO_STORE
}
