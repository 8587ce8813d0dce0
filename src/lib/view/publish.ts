import {randomBytes} from 'node:crypto'
import fs from 'node:fs'
import {basename, dirname} from 'node:path'
import {begin, finish, type Begun, type Derived, type Deriver} from './derive.ts'
import {isOneOf, type Made} from './derive-file.ts'
import {kindAt} from './entry.ts'
import {removeTree} from './remove.ts'

const UNFINISHED = '.unfinished-'

/** A path that is to be made. */
export interface Publication {
  deriver: Deriver
  source: string
  target: string
}

/** Files that are derived together: enough that threads have work for some tenths of a second. */
const BATCH = 4096

/**
 * Makes `target` from `source` under a temporary name and renames it into place: it is whole or absent, whoever is killed
 * when. Any number of processes may do so at once; the first wins. Null: somebody else was first.
 *
 * The temporary name lies in the same folder, because moving a read-only folder to another one is refused to anybody but
 * root, while renaming it where it is needs no permission on it.
 */
export function publish(deriver: Deriver, source: string, target: string): Derived | null {
  let derived: Derived | null = null
  publishAll([{deriver, source, target}], (_, made) => {
    derived = made
  })
  return derived
}

/** The same for many, whose files are derived together. `onPublished` is called for each. */
export function publishAll<P extends Publication>(publications: Iterable<P>, onPublished: (publication: P, derived: Derived | null) => void): void {
  let batch: (P & {begun: Begun; unfinished: string})[] = []
  let files = 0
  const unfinished = new Set<string>()
  const publishBatch = () => {
    const made = deriveTogether(batch)
    for (const [n, publication] of batch.entries()) {
      const derived = finish(publication.begun, made[n] ?? [])
      onPublished(publication, moveIntoPlace(publication) ? derived : null)
      unfinished.delete(publication.unfinished)
    }

    batch = []
    files = 0
  }

  try {
    for (const publication of publications) {
      const name = unfinishedName(dirname(publication.target), basename(publication.target))
      unfinished.add(name)
      const begun = begin(publication.deriver, publication.source, name)
      batch.push({...publication, unfinished: name, begun})
      files += begun.files.length
      if (files >= BATCH) publishBatch()
    }

    publishBatch()
  } catch (error) {
    for (const name of unfinished) removeTree(name)
    throw error
  }
}

/** What each path's files became. */
function deriveTogether(batch: readonly {deriver: Deriver; begun: Begun}[]): Made[][] {
  const byDeriver = Map.groupBy(batch, ({deriver}) => deriver)
  const made = new Map<Begun, Made[]>()
  for (const [deriver, paths] of byDeriver) {
    const all = deriver.deriveFiles(paths.flatMap(({begun}) => begun.files))
    let at = 0
    for (const {begun} of paths) made.set(begun, all.slice(at, at += begun.files.length))
  }

  return batch.map(({begun}) => made.get(begun) ?? [])
}

function moveIntoPlace({unfinished, target}: {unfinished: string; target: string}): boolean {
  try {
    fs.renameSync(unfinished, target)
    return true
  } catch (error) {
    if (!isOneOf(error, 'EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'EISDIR') || kindAt(target) === null) throw error
    removeTree(unfinished)
    return false
  }
}

/** A name of nobody else's in `folder`, that `sweepUnfinished` finds. */
export function unfinishedName(folder: string, name: string): string {
  return `${folder}/${UNFINISHED}${name.slice(0, 32)}-${randomBytes(8).toString('hex')}`
}

/** Whether it is such a name, without its folder. */
export function isUnfinished(name: string): boolean {
  return name.startsWith(UNFINISHED)
}

/** Removes what killed processes left unfinished. Only for when none is at work. Returns the names. */
export function sweepUnfinished(folder: string): string[] {
  if (kindAt(folder) === null) return []
  const names = fs.readdirSync(folder).filter(isUnfinished)
  for (const name of names) removeTree(`${folder}/${name}`)
  return names
}
