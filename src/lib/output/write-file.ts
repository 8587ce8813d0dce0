import {rename, rm, writeFile} from 'node:fs/promises'
import {EXIT, NixError} from '../errors.ts'

/**
 * Writes a file that must not be there yet.
 * @param path absolute
 * @param named as the user wrote it
 * @throws NixError FILE_EXISTS, UNWRITABLE_FILE
 */
export async function writeNewFile(path: string, named: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, {flag: 'wx'})
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(named, error)
    throw new NixError(`${named} is there already, and was left as it is.`, {
      code: 'FILE_EXISTS', exit: EXIT.usage, suggestions: ['name another file, compare, and move it into place'], cause: error,
    })
  }
}

/** Writes a file, or puts a whole new one in the place of another. @throws NixError UNWRITABLE_FILE */
export async function replaceFile(path: string, named: string, text: string): Promise<void> {
  const scratch = `${path}.${process.pid}.new`
  try {
    await writeFile(scratch, text, {flag: 'wx'})
    await rename(scratch, path)
  } catch (error) {
    await rm(scratch, {force: true})
    throw unwritable(named, error)
  }
}

function unwritable(named: string, error: unknown): NixError {
  return new NixError(`${named} cannot be written: ${(error as NodeJS.ErrnoException).code ?? String(error)}.`, {
    code: 'UNWRITABLE_FILE', exit: EXIT.usage, suggestions: [`ls -ld ${named}`], cause: error,
  })
}
