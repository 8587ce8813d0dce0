import {readFile, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {StandinError} from '../errors.ts'

/**
 * Keeps a folder for this process, so that two stand-ins don't write one state.
 * @returns gives it back
 * @throws StandinError when another process that still runs has it
 */
export async function lockFolder(dir: string): Promise<() => Promise<void>> {
  const file = join(dir, 'pid')
  const owner = Number(await readFile(file, 'utf8').catch(() => ''))
  if (owner > 0 && owner !== process.pid && isStandin(await readFile(`/proc/${owner}/cmdline`, 'utf8').catch(() => ''))) {
    throw new StandinError(`${dir} is in use by the stand-in with process id ${owner}.`, [`kill ${owner}`])
  }

  await writeFile(file, `${process.pid}\n`)
  return () => rm(file, {force: true})
}

/** Process ids come again after a crash; another program under the old one is not in the way. */
function isStandin(cmdline: string): boolean {
  return cmdline.includes('standin')
}
