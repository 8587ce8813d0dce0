import {EXIT, NixError} from '../errors.ts'
import {GitFailure, type Git} from './git.ts'

export interface Revision {
  /** null: a working tree that no commit holds, or a ref that names a bare tree */
  commit: string | null
  tree: string
}

/**
 * The commit and tree that a ref names.
 * @throws NixError NO_REPOSITORY, NO_COMMIT, UNKNOWN_REF
 */
export async function resolveRevision(git: Git, ref: string): Promise<Revision> {
  const tree = await hashOf(git, `${ref}^{tree}`, ref)
  // Both are peeled of one ref: should it move in between, the commit's own tree tells.
  const commit = await hashOf(git, `${ref}^{commit}`, ref).catch(() => null)
  return commit === null ? {commit, tree} : {commit, tree: await hashOf(git, `${commit}^{tree}`, ref)}
}

async function hashOf(git: Git, revision: string, ref: string): Promise<string> {
  try {
    return (await git.run(['rev-parse', '--verify', '--quiet', '--end-of-options', revision])).toString().trim()
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error
    throw await explain(git, ref, error)
  }
}

async function explain(git: Git, ref: string, cause: GitFailure): Promise<NixError> {
  const project = (message: string, code: string, ...suggestions: string[]) =>
    new NixError(message, {code, exit: EXIT.project, suggestions, cause})
  try {
    await git.run(['rev-parse', '--git-dir'])
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error
    return /dubious ownership/.test(error.stderr)
      ? project(`git refuses this repository: ${error.stderr.trim()}`, 'NO_REPOSITORY')
      : project('This folder is in no Git repository; the source of a build is a Git tree.', 'NO_REPOSITORY', 'git init && git add --all && git commit --message "First"', 'cd into the project')
  }

  return ref === 'HEAD'
    ? project('The repository has no commit yet.', 'NO_COMMIT', 'git add --all && git commit --message "First"', 'heroku nix:build --worktree')
    : project(`"${ref}" names no commit or tree of this repository.`, 'UNKNOWN_REF', 'git branch --all', 'git log --oneline')
}
