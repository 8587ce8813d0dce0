import {randomUUID} from 'node:crypto'
import {open, readFile, rename, rm} from 'node:fs/promises'
import {dirname, join} from 'node:path'

const TEMPORARY = '.tmp-'

/**
 * Puts a value in a file so that after a crash there is either the old content or all of the new one.
 * @param mode of the file
 */
export async function writeJsonDurably(file: string, value: unknown, mode = 0o644): Promise<void> {
  const temporary = join(dirname(file), `${TEMPORARY}${randomUUID()}`)
  try {
    const handle = await open(temporary, 'wx', mode)
    try {
      await handle.writeFile(JSON.stringify(value))
      await handle.sync()
    } finally {
      await handle.close()
    }

    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, {force: true})
    throw error
  }

  await syncDirectory(dirname(file))
}

/** A rename or an unlink is on disk once its directory is. */
export async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The parsed content; undefined when there is no such file. */
export async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return undefined
    }

    throw error
  }
}

export function isTemporary(name: string): boolean {
  return name.startsWith(TEMPORARY)
}
