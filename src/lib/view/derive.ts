import fs from 'node:fs'
import {STORE_MTIME} from './canonical-modes.ts'
import {fileDeriver, linkFile, type Made, type Observer} from './derive-file.ts'
import {entriesOf, join, kindAt, type DiskPath, type EntryKind} from './entry.ts'
import {FilePool, isMuch, type FileJob} from './file-pool.ts'
import {holds, opposite, rewriteChunk, type Rewriting} from './rewriting.ts'

/** How paths of one tree are made from the same paths of the other. */
export interface Deriver {
  readonly deriveFiles: (jobs: readonly FileJob[]) => Made[]
  readonly rewriteTarget: (target: Buffer) => Buffer
  /** Told of each folder. */
  readonly onFolder: (source: DiskPath) => void
  /** Ends its threads. */
  readonly close: () => void
}

/** Rewrites what holds a store path, links the rest; with several threads where there is much to do. */
export function rewritingDeriver(rewriting: Rewriting, observer: Observer = {}): Deriver {
  const deriveFile = fileDeriver(rewriting, observer)
  let pool: FilePool | null = null
  return {
    deriveFiles(jobs) {
      if (!isMuch(jobs)) return jobs.map(({source, target}) => deriveFile(source, target))
      pool ??= new FilePool(rewriting.spec, observer)
      return pool.deriveFiles(jobs, deriveFile)
    },
    rewriteTarget(target) {
      if (observer.onAmbiguous && holds(opposite(rewriting), target, true)) observer.onAmbiguous()
      if (rewriteChunk(rewriting, target, true).isOneWay) observer.onAmbiguous?.()
      return target
    },
    onFolder(source) {
      if (source.toString().endsWith(rewriting.spec.from)) observer.onNamedLike?.(source)
    },
    close: () => pool?.close(),
  }
}

/**
 * Changes nothing: for sources and downloads. They refer to no store path, so what looks like one is text,
 * whose checksums (.cargo-checksum.json, go.sum) are taken over the bytes as they are.
 */
export const linkingDeriver: Deriver = {
  deriveFiles: jobs => jobs.map(({source, target}) => linkFile(source, target)),
  rewriteTarget: target => target,
  onFolder: () => undefined,
  close: () => undefined,
}

export interface Derived {
  linked: number
  copied: number
}

/** A path whose folders and symlinks are made, and whose files are still to be. */
export interface Begun {
  readonly files: FileJob[]
  /** each after those in it */
  readonly folders: DiskPath[]
}

/**
 * Makes `target`, which must not exist, from `source`, a store path with canonical modes. Any failure throws: a folder
 * that was passed over in silence would be registered half-made.
 */
export function derive(deriver: Deriver, source: DiskPath, target: DiskPath): Derived {
  const begun = begin(deriver, source, target)
  return finish(begun, deriver.deriveFiles(begun.files))
}

/** Makes all but files. */
export function begin(deriver: Deriver, source: DiskPath, target: DiskPath): Begun {
  const kind = kindAt(source)
  if (kind === null) throw new Error(`${source.toString()} does not exist`)
  const begun: Begun = {files: [], folders: []}
  beginEntry(deriver, {source, kind, target}, begun)
  return begun
}

function beginEntry(deriver: Deriver, {source, kind, target}: FileJob & {kind: EntryKind}, begun: Begun): void {
  switch (kind) {
    case 'file': {
      begun.files.push({source, target})
      return
    }

    case 'folder': {
      deriver.onFolder(source)
      fs.mkdirSync(target, 0o700)
      for (const {name, kind} of entriesOf(source)) beginEntry(deriver, {source: join(source, name), kind, target: join(target, name)}, begun)
      begun.folders.push(target)
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

/** Makes one file again of those that are one in the source, and gives folders their modes and times. `made`: of each file. */
export function finish({files, folders}: Begun, made: readonly Made[]): Derived {
  const copies = new Map<number, DiskPath>()
  const derived = {linked: 0, copied: 0}
  for (const [n, {target}] of files.entries()) {
    const how = made[n]
    const ino = how?.kind === 'copied' ? how.ino : null
    const copy = ino === null ? undefined : copies.get(ino)
    if (ino !== null && copy === undefined) copies.set(ino, target)
    derived[copy === undefined ? how?.kind ?? 'linked' : linkAgain(copy, target)]++
  }

  for (const folder of folders) {
    fs.utimesSync(folder, STORE_MTIME, STORE_MTIME)
    fs.chmodSync(folder, 0o555)
  }

  return derived
}

function linkAgain(copy: DiskPath, target: DiskPath): Made['kind'] {
  fs.unlinkSync(target)
  return linkFile(copy, target).kind
}
