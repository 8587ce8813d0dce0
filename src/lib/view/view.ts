import fs from 'node:fs'
import {linkingDeriver, rewritingDeriver, type Derived} from './derive.ts'
import {isOneOf} from './derive-file.ts'
import {publishAll, unfinishedName} from './publish.ts'
import {removeTree} from './remove.ts'
import {TO_VIEW} from './rewriting.ts'

/** The two trees, as they lie on disk. */
export interface Trees {
  /** Nix's own store, `/app/.nix/store` */
  readonly canonical: string
  /** `/app/.nixs` */
  readonly view: string
}

export interface ViewOptions {
  /** Whether the path refers to no other and no build made its bytes: then it is linked as it is. */
  isPlainData?: (baseName: string) => boolean
  /** Called after each path that was derived. */
  onDerived?: (baseName: string, derived: Derived) => void
  /** Called every few milliseconds of work. */
  onProgress?: () => void
}

/** Derives each path (`HASH-NAME`) that the view lacks or has from before its canonical one was made. Returns how many. */
export function ensureInView(trees: Trees, baseNames: readonly string[], {isPlainData, onDerived, onProgress}: ViewOptions = {}): number {
  const missing = baseNames.filter(name => !isFresh(trees, name))
  if (missing.length === 0) return 0
  fs.mkdirSync(trees.view, {recursive: true})
  const rewriter = rewritingDeriver(TO_VIEW, onProgress ? {onProgress} : {})
  let made = 0
  function* stillMissing() {
    for (const name of rotated(missing)) {
      // Another builder may have made it since.
      if (isFresh(trees, name)) continue
      setStaleAside(trees, name)
      yield {name, deriver: isPlainData?.(name) ? linkingDeriver : rewriter, source: `${trees.canonical}/${name}`, target: `${trees.view}/${name}`}
    }
  }

  try {
    publishAll(stillMissing(), ({name}, derived) => {
      if (derived === null) return
      made++
      onDerived?.(name, derived)
    })
  } finally {
    rewriter.close()
  }

  return made
}

/**
 * Builders that start together need the same inputs: each begins at another one, so that they share the work
 * and seldom do it twice.
 */
function rotated(names: readonly string[]): string[] {
  const start = process.pid % names.length
  return [...names.slice(start), ...names.slice(0, start)]
}

/** Removes a stale path from the view, and never the fresh one that another builder may put there at the same moment. */
function setStaleAside(trees: Trees, name: string): void {
  const stale = fs.lstatSync(`${trees.view}/${name}`, {throwIfNoEntry: false})
  if (!stale || isFresh(trees, name)) return
  const aside = unfinishedName(trees.view, name)
  try {
    fs.renameSync(`${trees.view}/${name}`, aside)
  } catch (error) {
    if (isOneOf(error, 'ENOENT')) return
    throw error
  }

  if (fs.lstatSync(aside).ino === stale.ino) removeTree(aside)
  else fs.renameSync(aside, `${trees.view}/${name}`)
}

/**
 * Whether the view has the path, and from these canonical bytes. A store path's time of birth never changes, and what is
 * derived from it changes later than that: a view older than its source is of a path that was deleted and made anew.
 * A file system that keeps no time of birth reports 0.
 */
export function isFresh({canonical, view}: Trees, name: string): boolean {
  const derived = fs.lstatSync(`${view}/${name}`, {throwIfNoEntry: false, bigint: true})
  if (!derived) return false
  const source = fs.lstatSync(`${canonical}/${name}`, {throwIfNoEntry: false, bigint: true})
  return source === undefined || derived.ctimeNs >= source.birthtimeNs
}
