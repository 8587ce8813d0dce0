import {constants} from 'node:fs'
import {access, readdir, stat} from 'node:fs/promises'

/** A name that can stand in a Procfile and in a record as it is. */
const PLAIN_NAME = /^[\w@+.:,=-]+$/

/**
 * Names of the programs in `bin/` of the result, sorted. A name that a shell would have to quote is left out: it could
 * not become a process type.
 * @param result the result's place in the view
 */
export async function findPrograms(result: string): Promise<string[]> {
  const names = await readdir(`${result}/bin`).catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) {
      return []
    }

    throw error
  })
  const programs = await Promise.all(names.map(async name => PLAIN_NAME.test(name) && await isProgram(`${result}/bin/${name}`)))
  return names.filter((_, index) => programs[index]).sort()
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    // A dangling link, or nothing that can be run: no program.
    return false
  }
}
