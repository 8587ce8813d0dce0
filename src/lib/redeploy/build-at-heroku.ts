import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import path from 'node:path'
import type {SucceededBuild} from '../build/record.ts'
import {EXIT, NixError} from '../errors.ts'
import {transferBar} from '../output/progress.ts'
import {formatBytes} from '../output/units.ts'
import type {BuildInfo} from '../platform/types.ts'
import {createBuild} from './create-build.ts'
import {fetchSource} from './fetch-source.ts'
import {finishRelease} from './finish-release.ts'
import {followBuild} from './follow-build.ts'
import {putSlug} from './put-slug.ts'
import type {RedeployWorld} from './redeploy-world.ts'
import type {Released} from './release-build.ts'
import {sourceVersion} from './source-version.ts'

/**
 * Releases a build by a build at Heroku, as a push would be one: the app's buildpacks run over the source that was built, and
 * ours restores exactly this build.
 */
export async function buildAtHeroku(record: SucceededBuild, world: RedeployWorld): Promise<Released> {
  const {app, platform, tell, wait} = world
  const {build, uploaded} = await startBuild(record, world)
  const {releaseId, slugId} = await followBuild(build, app.name, {platform, wait, onOutput: tell.output})
  if (releaseId === null) {
    throw new NixError(`Heroku's build ${build.id} has succeeded, and it names no release.`, {
      code: 'NO_RELEASE', exit: EXIT.unavailable, suggestions: [`heroku releases --app ${app.name}`],
    })
  }

  const release = await platform.release(releaseId)
  return {slug: slugId ?? release.slugId ?? '', version: release.version, reused: null, uploaded, via: 'build', processes: await finishRelease(release, world)}
}

async function startBuild(record: SucceededBuild, {platform, bucket, tell}: RedeployWorld): Promise<{build: BuildInfo; uploaded: number}> {
  const folder = await mkdtemp(path.join(tmpdir(), 'heroku-nix-source-'))
  try {
    const source = await tell.step('Fetching the source', () => fetchSource(bucket, record, path.join(folder, 'source.tar.gz')), ({size}) => `done, ${formatBytes(size)}`)
    const {putUrl, getUrl} = await platform.createSource()
    await tell.step('Uploading the source', () => putSlug(putUrl, source, transferBar(source.size, tell.status), 'source'))
    const build = await tell.step('Starting a build at Heroku', () => createBuild(platform, {
      source_blob: {url: getUrl, version: sourceVersion(record), version_description: `Nix build ${record.id}`, checksum: `SHA256:${source.sha256}`},
    }), ({id}) => `done, ${id}`)
    return {build, uploaded: source.size}
  } finally {
    await rm(folder, {recursive: true, force: true})
  }
}
