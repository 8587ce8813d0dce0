import {copyFile, mkdir, mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {gitIn, type Git} from './git.ts'
import {resolveRevision, type Revision} from './revision.ts'

export interface Worktree extends AsyncDisposable {
  revision: Revision
  /** sees the objects of `revision.tree`, which the repository need not have */
  git: Git
}

/**
 * The working tree as a commit of all of it would be: changed, deleted and untracked files, without the
 * ignored ones. Index and objects go to a temporary folder, so that the repository stays as it is.
 * @throws NixError NO_REPOSITORY
 */
export async function snapshotWorktree(cwd: string, env: NodeJS.ProcessEnv): Promise<Worktree> {
  const git = gitIn(cwd, env)
  const head = await resolveRevision(git, 'HEAD').catch((error: unknown) => error)
  const scratch = await mkdtemp(path.join(tmpdir(), 'heroku-nix-worktree-'))
  const remove = () => rm(scratch, {recursive: true, force: true})
  try {
    const top = await lineOf(git, ['rev-parse', '--show-toplevel'], head)
    const index = path.join(scratch, 'index')
    // The user's index saves hashing every file again: it knows which ones did not change.
    await copyFile(path.resolve(cwd, await lineOf(git, ['rev-parse', '--git-path', 'index'], head)), index).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    })

    const objects = path.resolve(cwd, await lineOf(git, ['rev-parse', '--git-path', 'objects'], head))
    await mkdir(path.join(scratch, 'objects'))
    const scratchGit = gitIn(top, {
      ...env,
      GIT_INDEX_FILE: index,
      GIT_OBJECT_DIRECTORY: path.join(scratch, 'objects'),
      GIT_ALTERNATE_OBJECT_DIRECTORIES: [quote(objects), env['GIT_ALTERNATE_OBJECT_DIRECTORIES']].filter(Boolean).join(path.delimiter),
    })
    await scratchGit.run(['-c', 'core.fsmonitor=false', 'add', '--all'])
    const tree = (await scratchGit.run(['write-tree'])).toString().trim()
    const commit = isRevision(head) && head.tree === tree ? head.commit : null
    return {revision: {commit, tree}, git: scratchGit, [Symbol.asyncDispose]: remove}
  } catch (error) {
    await remove()
    throw error
  }
}

/** Without a repository the first question fails, and its explanation is `head`'s. */
async function lineOf(git: Git, args: readonly string[], head: unknown): Promise<string> {
  try {
    return (await git.run(args)).toString().replace(/\r?\n$/, '')
  } catch (error) {
    throw head instanceof Error ? head : error
  }
}

function isRevision(value: unknown): value is Revision {
  return typeof value === 'object' && value !== null && 'tree' in value
}

/** git takes a C string here, since the list is split at the path delimiter. */
function quote(folder: string): string {
  return `"${folder.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}
