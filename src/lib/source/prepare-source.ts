import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import path from 'node:path'
import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {stays} from '../gc/stays.ts'
import {ownClock, type Waiting} from '../gc/sweep-mark.ts'
import {toText} from '../slug/byte-string.ts'
import {buildTarget, filesNamed} from './build-target.ts'
import {gitIn} from './git.ts'
import {packSource, readSourceFiles} from './pack-source.ts'
import {resolveRevision, type Revision} from './revision.ts'
import {snapshotWorktree} from './worktree.ts'

/** What is to be built, packed into a temporary file that goes with it. */
export interface PreparedSource extends AsyncDisposable {
  revision: Revision
  /** hex, of the uncompressed tar */
  sha256: string
  /** bytes of the tar.gz */
  size: number
  /** how many files `.slugignore` took away */
  ignored: number
  /** each a sentence */
  warnings: string[]
  file: string
}

/** A commit or tree, or the working tree with what no commit holds yet. */
export type SourceChoice = {kind: 'ref'; ref: string} | {kind: 'worktree'}

/**
 * Packs the source of a build, after checking that there is something to build.
 * @param flags NIX_BUILD_FLAGS
 * @throws NixError NO_REPOSITORY, NO_COMMIT, UNKNOWN_REF, NO_GIT, NO_DEFAULT_NIX, NO_SUCH_FILE, NO_FLAKE
 */
export async function prepareSource(choice: SourceChoice, {cwd, env, flags}: {cwd: string; env: NodeJS.ProcessEnv; flags: string}): Promise<PreparedSource> {
  await using chosen = await choose(choice, cwd, env)
  const {git, revision} = chosen
  const files = await readSourceFiles(git, revision.tree)
  buildTarget(filesNamed(files.entries.map(entry => toText(entry.path))), flags)
  const folder = await mkdtemp(path.join(tmpdir(), 'heroku-nix-source-'))
  const remove = () => rm(folder, {recursive: true, force: true})
  try {
    const file = path.join(folder, 'source.tar.gz')
    const {sha256, size, pointers} = await packSource(git, files, file)
    return {
      revision, sha256, size, ignored: files.ignored, file, [Symbol.asyncDispose]: remove,
      warnings: [
        ...files.submodules.map(name => `${name} is a submodule: its content is no part of the tree and will be missing.`),
        ...pointers.map(name => `${name} is a Git LFS pointer, not its content: the build sees the pointer.`),
      ],
    }
  } catch (error) {
    await remove()
    throw error
  }
}

async function choose(choice: SourceChoice, cwd: string, env: NodeJS.ProcessEnv) {
  if (choice.kind === 'worktree') return snapshotWorktree(cwd, env)
  const git = gitIn(cwd, env)
  return {git, revision: await resolveRevision(git, choice.ref), [Symbol.asyncDispose]: () => Promise.resolve()}
}

/** Puts the source where its build looks for it, unless it is there. What is there is checked by the dyno. @param options.onSent bytes so far */
export async function uploadSource(bucket: Pick<Bucket, 'head' | 'put' | 'read' | 'touch'>, app: string, source: PreparedSource, {waiting = ownClock, onSent}: {waiting?: Waiting; onSent?: (bytes: number) => void} = {}): Promise<{uploaded: boolean}> {
  const key = keys.source(app, source.revision.tree)
  if (await stays(bucket, key, waiting)) return {uploaded: false}
  const result = await bucket.put(key, {file: source.file}, {condition: 'absent', contentType: 'application/gzip', ...(onSent && {onSent})})
  return {uploaded: result.kind === 'stored'}
}
