import fs from 'node:fs'
import {entriesOf, join, kindAt, type DiskPath} from './entry.ts'

/**
 * Removes a path and all below it; folders may be read-only, as a store's are (fs.rm fails on those unless it runs as root).
 * Nothing there is fine. Hard links elsewhere keep their bytes and modes.
 */
export function removeTree(path: DiskPath): void {
  const kind = kindAt(path)
  if (kind === 'folder') removeFolder(path)
  else if (kind !== null) fs.rmSync(path, {force: true})
}

function removeFolder(folder: DiskPath): void {
  fs.chmodSync(folder, 0o700)
  for (const {name, kind} of entriesOf(folder)) {
    if (kind === 'folder') removeFolder(join(folder, name))
    else fs.unlinkSync(join(folder, name))
  }

  fs.rmdirSync(folder)
}
