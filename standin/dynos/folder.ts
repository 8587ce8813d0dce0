import {execFile} from 'node:child_process'
import {rm} from 'node:fs/promises'
import {promisify} from 'node:util'

const run = promisify(execFile)

/** Removes a folder and all in it, also where a dyno has left folders that their owner may not write to. */
export async function removeFolder(folder: string): Promise<void> {
  try {
    await rm(folder, {recursive: true, force: true})
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'ENOTEMPTY') {
      throw error
    }

    // Without -L, chmod follows no link that it meets below the folder.
    await run('chmod', ['--recursive', 'u+rwX', '--', folder])
    await rm(folder, {recursive: true, force: true})
  }
}
