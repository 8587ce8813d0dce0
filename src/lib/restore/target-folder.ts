import fs from 'node:fs'
import {EXIT, NixError} from '../errors.ts'
import {isBaseName} from '../nix/store-path.ts'
import {isUnfinished} from '../view/publish.ts'

/**
 * A folder that is restored into must be a new or an empty one, or hold store paths alone: an earlier run's.
 * @param folder absolute
 * @param named as the user wrote it
 * @throws NixError FOLDER_IN_USE, UNWRITABLE_FOLDER
 */
export function checkFolder(folder: string, named: string): void {
  let entries: string[]
  try {
    entries = fs.readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw explainFolder(error, named)
  }

  const other = entries.find(name => !isBaseName(name) && !isUnfinished(name))
  if (other === undefined) return
  throw new NixError(`${named} holds something else than store paths: ${other}. Nothing was written.`, {
    code: 'FOLDER_IN_USE', exit: EXIT.usage, suggestions: ['heroku nix:cache:restore --into NEW-FOLDER'],
  })
}

/** What a failure of the file system means for who restores; any other error as it is. */
export function explainFolder(error: unknown, named: string): unknown {
  const {code, syscall} = error as NodeJS.ErrnoException
  if (error instanceof NixError || code === undefined || syscall === undefined) return error
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new NixError(`There is no space left in ${named}. The paths that are whole stay.`, {
      code: 'DISK_FULL', exit: EXIT.usage, suggestions: [`df -h ${named}`, 'make room, or prune more by --slugexclude FILE, then run the command again: it goes on'], cause: error,
    })
  }

  return new NixError(`${named} cannot be written to: ${code}.`, {code: 'UNWRITABLE_FOLDER', exit: EXIT.usage, suggestions: [`ls -ld ${named}`], cause: error})
}
