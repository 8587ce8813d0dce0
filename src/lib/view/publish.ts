import {randomBytes} from 'node:crypto'
import fs from 'node:fs'
import {basename, dirname} from 'node:path'
import {derive, type Derived, type Deriver} from './derive.ts'
import {isOneOf} from './derive-file.ts'
import {kindAt} from './entry.ts'
import {removeTree} from './remove.ts'

const UNFINISHED = '.unfinished-'

/**
 * Makes `target` from `source` under a temporary name and renames it into place: it is whole or absent, whoever is killed
 * when. Any number of processes may do so at once; the first wins. Null: somebody else was first.
 *
 * The temporary name lies in the same folder, because moving a read-only folder to another one is refused to anybody but
 * root, while renaming it where it is needs no permission on it.
 */
export function publish(deriver: Deriver, source: string, target: string): Derived | null {
  const unfinished = unfinishedName(dirname(target), basename(target))
  try {
    const derived = derive(deriver, source, unfinished)
    fs.renameSync(unfinished, target)
    return derived
  } catch (error) {
    removeTree(unfinished)
    if (isOneOf(error, 'EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'EISDIR') && kindAt(target) !== null) return null
    throw error
  }
}

/** A name of nobody else's in `folder`, that `sweepUnfinished` finds. */
export function unfinishedName(folder: string, name: string): string {
  return `${folder}/${UNFINISHED}${name.slice(0, 32)}-${randomBytes(8).toString('hex')}`
}

/** Removes what killed processes left unfinished. Only for when none is at work. Returns the names. */
export function sweepUnfinished(folder: string): string[] {
  if (kindAt(folder) === null) return []
  const names = fs.readdirSync(folder).filter(name => name.startsWith(UNFINISHED))
  for (const name of names) removeTree(`${folder}/${name}`)
  return names
}
