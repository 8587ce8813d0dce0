import fs from 'node:fs'
import {entriesOf, join, kindAt, type DiskPath, type EntryKind} from './entry.ts'

/** Every store path's time of change, in seconds: Python trusts a .pyc by its source's, so copies must agree. */
export const STORE_MTIME = 1

/**
 * Gives a builder's output the modes and times of a store path, as Nix does (nix: src/libstore/posix-fs-canonicalise.cc):
 * 0444 and 0555, second 1. Files of mode 000 become readable by it, so it comes before anything is opened.
 * Throws by name what a store cannot hold (a FIFO: opening it would hang).
 */
export function makeModesCanonical(path: DiskPath): void {
  const kind = kindAt(path)
  if (kind !== null) canonicalise(path, kind)
}

function canonicalise(path: DiskPath, kind: EntryKind): void {
  switch (kind) {
    case 'file': {
      const {mode, mtimeMs} = fs.statSync(path)
      const wanted = fileMode(mode)
      if ((mode & 0o7777) !== wanted) fs.chmodSync(path, wanted)
      if (mtimeMs !== STORE_MTIME * 1000) fs.utimesSync(path, STORE_MTIME, STORE_MTIME)
      return
    }

    case 'folder': {
      fs.chmodSync(path, 0o700)
      for (const entry of entriesOf(path)) canonicalise(join(path, entry.name), entry.kind)
      fs.utimesSync(path, STORE_MTIME, STORE_MTIME)
      fs.chmodSync(path, 0o555)
      return
    }

    case 'symlink': {
      fs.lutimesSync(path, STORE_MTIME, STORE_MTIME)
      return
    }

    case 'other': {
      throw new Error(`${path.toString()} is not a file, a folder or a symlink: a store path cannot hold it`)
    }
  }
}

/** 0555 where the owner may execute it, else 0444. */
export function fileMode(mode: number): number {
  return mode & 0o100 ? 0o555 : 0o444
}
