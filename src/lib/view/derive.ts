import fs from 'node:fs'
import {STORE_MTIME} from './canonical-modes.ts'
import {fileDeriver, linkFile, type Copies, type DeriveFile, type Observer} from './derive-file.ts'
import {entriesOf, join, kindAt, type DiskPath, type EntryKind} from './entry.ts'
import {holds, opposite, rewriteChunk, type Rewriting} from './rewriting.ts'

/** How a path of one tree is made from the same path of the other. */
export interface Deriver {
  readonly deriveFile: DeriveFile
  readonly rewriteTarget: (target: Buffer) => Buffer
}

/** Rewrites what holds a store path, links the rest. */
export function rewritingDeriver(rewriting: Rewriting, observer: Observer = {}): Deriver {
  return {
    deriveFile: fileDeriver(rewriting, observer),
    rewriteTarget(target) {
      if (observer.onAmbiguous && holds(opposite(rewriting), target, true)) observer.onAmbiguous()
      rewriteChunk(rewriting, target, true)
      return target
    },
  }
}

/**
 * Changes nothing: for sources and downloads. They refer to no store path, so what looks like one is text,
 * whose checksums (.cargo-checksum.json, go.sum) are taken over the bytes as they are.
 */
export const linkingDeriver: Deriver = {deriveFile: linkFile, rewriteTarget: target => target}

export interface Derived {
  linked: number
  copied: number
}

/**
 * Makes `target`, which must not exist, from `source`, a store path with canonical modes. Any failure throws: a folder
 * that was passed over in silence would be registered half-made.
 */
export function derive(deriver: Deriver, source: DiskPath, target: DiskPath): Derived {
  const derived = {linked: 0, copied: 0}
  const kind = kindAt(source)
  if (kind === null) throw new Error(`${source.toString()} does not exist`)
  deriveEntry(deriver, source, kind, target, {derived, copies: new Map()})
  return derived
}

/** What one path's derivation knows by then. */
interface Progress {
  derived: Derived
  copies: Copies
}

function deriveEntry(deriver: Deriver, source: DiskPath, kind: EntryKind, target: DiskPath, progress: Progress): void {
  switch (kind) {
    case 'file': {
      progress.derived[deriver.deriveFile(source, target, progress.copies)]++
      return
    }

    case 'folder': {
      fs.mkdirSync(target, 0o700)
      for (const {name, kind} of entriesOf(source)) deriveEntry(deriver, join(source, name), kind, join(target, name), progress)
      fs.utimesSync(target, STORE_MTIME, STORE_MTIME)
      fs.chmodSync(target, 0o555)
      return
    }

    case 'symlink': {
      fs.symlinkSync(deriver.rewriteTarget(fs.readlinkSync(source, {encoding: 'buffer'})), target)
      fs.lutimesSync(target, STORE_MTIME, STORE_MTIME)
      return
    }

    case 'other': {
      throw new Error(`${source.toString()} is not a file, a folder or a symlink: a store path cannot hold it`)
    }
  }
}
