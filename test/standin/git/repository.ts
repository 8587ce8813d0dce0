import type {ChildProcessByStdio} from 'node:child_process'
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import type {Readable} from 'node:stream'
import {text} from 'node:stream/consumers'
import {cliEnvironment} from '../../../standin/cli-environment.ts'
import type {Finished} from '../../support/standin.ts'
import type {BuildHarness} from '../builds/harness.ts'
import {writeFiles} from '../builds/harness.ts'

/** A working copy whose remote `heroku` is as the CLI makes it. */
export interface WorkingCopy {
  git(...words: string[]): Promise<Finished>
  /** starts git in a process group of its own, for a test that breaks it off */
  spawn(...words: string[]): ChildProcessByStdio<null, Readable, Readable>
  /** of the app's repository, for fetching */
  url: string
  /** commits these files; the commit */
  commit(files: Record<string, string>): Promise<string>
  /** what Heroku said, without git's prefix and the spaces at its ends */
  push(...words: string[]): Promise<Finished & {remote: string}>
}

export async function workingCopy({dir, heroku}: BuildHarness, app: string): Promise<WorkingCopy> {
  const folder = join(dir, `work-${app}`)
  await mkdir(folder)
  const env = {
    PATH: process.env['PATH'], ...await cliEnvironment(join(dir, 'home'), heroku.platform), GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'A', GIT_AUTHOR_EMAIL: 'a@example.com', GIT_COMMITTER_NAME: 'A', GIT_COMMITTER_EMAIL: 'a@example.com',
  }
  const start: WorkingCopy['spawn'] = (...words) => spawn('git', words, {cwd: folder, env, detached: true, stdio: ['ignore', 'pipe', 'pipe']})
  const git: WorkingCopy['git'] = async (...words) => {
    const child = start(...words)
    const closed = once(child, 'close') as Promise<[number | null]>
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed])
    return {code: code ?? -1, stdout, stderr}
  }

  await git('init', '--quiet', '--initial-branch=main')
  await git('remote', 'add', 'heroku', `https://git.heroku.com/${app}.git`)
  return {
    git, spawn: start, url: `${heroku.platform.api}/${app}.git`,
    async commit(files) {
      await writeFiles(folder, files)
      await git('add', '--all')
      await git('commit', '--quiet', '--allow-empty', '--message', 'a change')
      return (await git('rev-parse', 'HEAD')).stdout.trim()
    },
    async push(...words) {
      const finished = await git('push', ...words)
      const remote = finished.stderr.split('\n').filter(line => line.startsWith('remote:')).map(line => line.slice('remote: '.length).trimEnd()).join('\n')
      return {...finished, remote}
    },
  }
}
