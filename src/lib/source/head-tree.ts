import {NixError} from '../errors.ts'
import {gitIn} from './git.ts'
import {resolveRevision} from './revision.ts'

/** The tree of a folder's HEAD; null where there is no repository or no commit. */
export async function headTree(folder: string, env: NodeJS.ProcessEnv): Promise<string | null> {
  try {
    return (await resolveRevision(gitIn(folder, env), 'HEAD')).tree
  } catch (error) {
    if (error instanceof NixError) return null
    throw error
  }
}
