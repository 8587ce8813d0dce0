import {open} from 'node:fs/promises'
import {text} from 'node:stream/consumers'

import type {JailPlan} from './jail.ts'
import {startJailed} from './process.ts'

/**
 * Unpacks `./app` of a slug into the plan's /app with the image's own tar and gzip, inside the jail and as the dyno's user:
 * whatever names, links and modes the slug holds, nothing else can be written. Modes are kept, owners are not.
 *
 * @throws Error with tar's own words
 */
export async function unpackSlug(slug: string, plan: JailPlan): Promise<void> {
  await using file = await open(slug)
  const tar = startJailed(plan, {
    user: plan.user, threads: null, mode: {kind: 'plain'}, argv: TAR,
    env: {LC_ALL: 'C', PATH: '/usr/bin:/bin'},
  }, file.fd, () => Promise.resolve())
  const [status, complaints] = await Promise.all([tar.ended, tar.complaints, text(tar.output)])
  if (status !== 0) {
    const problem = unpackProblem(complaints)
    if (problem !== null) {
      throw new Error(`The slug cannot be unpacked: ${problem}`)
    }
  }
}

// Files of Nix closures have mtime 1, which tar finds "implausibly old"; their folders are read-only, so modes come last.
const TAR = [
  '/usr/bin/tar', '--extract', '--gzip', '--file=-', '--directory=/', '--no-same-owner', '--same-permissions',
  '--delay-directory-restore', '--warning=no-timestamp', './app', 'app',
]

/** What tar failed for; null when it only missed the spelling of `./app` that this slug doesn't use. */
export function unpackProblem(complaints: string): string | null {
  const lines = complaints.split('\n').filter(line => line !== '')
  const problems = lines.filter(line => !HARMLESS.test(line))
  if (problems.length > 0 || lines.length === 0) {
    return problems.at(0) ?? 'tar ended without a word'
  }

  return lines.filter(line => line.endsWith('Not found in archive')).length > 1 ? 'it holds no ./app' : null
}

const HARMLESS = /^(?:\/usr\/bin\/)?tar: (?:(?:\.\/)?app: Not found in archive|Exiting with failure status due to previous errors)$/
