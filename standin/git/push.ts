import {mkdir, mkdtemp, rm} from 'node:fs/promises'
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import type {Readable} from 'node:stream'
import type {LiveBuild} from '../builds/builds.ts'
import type {Context} from '../platform/context.ts'
import {ApiError} from '../platform/http/errors.ts'
import {checkAccess} from '../platform/policy/access.ts'
import type {AppRecord, ReleaseRecord} from '../state/model.ts'
import {git} from './git.ts'
import type {Push, RefUpdate} from './hook-server.ts'

export type PushContext = Pick<Context, 'apiUrl' | 'builds' | 'source' | 'sources' | 'streams'>

/** The branches that Heroku builds. devcenter.heroku.com/articles/git#deploy-your-code */
const BUILT = new Set(['refs/heads/main', 'refs/heads/master'])
const NONE = /^0+$/

/** Builds what was pushed, and says so as Heroku does; a push without anything to build is accepted. */
export async function receivePush(app: AppRecord, push: Push, context: PushContext): Promise<'accepted' | 'rejected'> {
  const {tell} = push
  const update = push.updates.find(({ref, to}) => BUILT.has(ref) && !NONE.test(to))
  if (!update) {
    tell('Pushed to non-main branch, skipping build.\n')
    return 'accepted'
  }

  try {
    checkAccess(app, 'POST', '/builds')
    tell('Compressing source files... ')
    const live = await startBuild(app, push, update, context)
    const status = await follow(live, tell)
    const release = app.releases.find(({id}) => id === live.record.releaseId)
    tell(`\nVerifying deploy...${status === 'succeeded' ? ' done.' : ''}\n`)
    if (status === 'succeeded' && release) {
      await followRelease(release, context, tell)
      return 'accepted'
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    tell(`\n!\t${error.message}\n\n`)
    return 'rejected'
  }

  tell(`\n!\tPush rejected to ${app.name}.\n\n`)
  return 'rejected'
}

async function startBuild(app: AppRecord, push: Push, {to}: RefUpdate, {builds, source, sources, apiUrl}: PushContext): Promise<LiveBuild> {
  // A commit's own id: a tag may have been pushed as a branch.
  const commit = (await git(['--git-dir', push.repository, 'rev-parse', `${to}^{commit}`], push.quarantine)).trim()
  const description = (await git(['--git-dir', push.repository, 'log', '-1', '--format=* %an: %s', commit], push.quarantine)).trim()
  const id = source.uuid()
  try {
    await packTree(push, commit, chunks => sources.receive(id, chunks))
    push.tell('done.\nBuilding source:\n\n')
    const live = builds.start(app, {
      sourceUrl: `${apiUrl()}${sources.sign('GET', id, 60 * 60_000)}`, version: commit, versionDescription: description, checksum: null,
      buildpacks: null, file: sources.file(id),
    })
    live.events.once('end', () => void sources.remove(id))
    return live
  } catch (error) {
    await sources.remove(id)
    throw error
  }
}

/** The files of a commit as a checkout has them, without .git, as a tar.gz whose names begin with `./`. */
async function packTree({repository, quarantine}: Push, commit: string, receive: (bytes: Readable) => Promise<unknown>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'standin-push-'))
  try {
    const tree = join(folder, 'tree')
    await mkdir(tree)
    const env = {...quarantine, GIT_DIR: repository, GIT_WORK_TREE: tree, GIT_INDEX_FILE: join(folder, 'index')}
    await git(['read-tree', commit], env, tree)
    await git(['checkout-index', '--all', '--quiet'], env, tree)
    const tar = spawn('tar', ['--create', '--gzip', '--directory', tree, '.'], {stdio: ['ignore', 'pipe', 'pipe']})
    const closed = once(tar, 'close') as Promise<[number | null]>
    const [, [status]] = await Promise.all([receive(tar.stdout), closed])
    if (status !== 0) throw new Error(`tar ended with ${status ?? 'a signal'}`)
  } finally {
    await rm(folder, {recursive: true, force: true})
  }
}

/** Passes the build's output on until it has ended. */
async function follow({record, text, events}: LiveBuild, tell: (text: string) => void): Promise<'failed' | 'pending' | 'succeeded'> {
  const ended = once(events, 'end')
  tell(text())
  events.on('output', tell)
  await ended
  return record.status
}

/** A release phase runs after the build; a push whose release phase fails is accepted all the same. devcenter.heroku.com/articles/release-phase */
async function followRelease(release: ReleaseRecord, {streams}: PushContext, tell: (text: string) => void): Promise<void> {
  if (release.outputStream === null) return
  tell('Running release command...\n\n')
  for await (const chunk of streams.read(release.outputStream)) tell(chunk.toString())
  tell(`Waiting for release.... ${release.status === 'succeeded' ? 'done.' : 'failed.'}\n`)
}
