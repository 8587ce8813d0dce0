import type {SucceededBuild} from '../build/record.ts'
import type {ProcessType} from '../platform/types.ts'
import {createRelease} from './create-release.ts'
import type {Via} from './choose-via.ts'
import {findSlug} from './find-slug.ts'
import {finishRelease} from './finish-release.ts'
import type {RedeployWorld} from './redeploy-world.ts'
import {slugMarker} from './slug-marker.ts'
import {uploadSlug} from './upload-slug.ts'

/** What came of it. */
export interface Released {
  slug: string
  /** the release's number, as in `v12` */
  version: number
  /** `release`: it was released already; `slug`: the app had the slug; null: it was made and uploaded */
  reused: 'release' | 'slug' | null
  /** bytes that were uploaded */
  uploaded: number
  /** how; null: nothing was uploaded */
  via: Via | 'build' | null
  processes: ProcessType[]
}

export interface ReleaseOptions {
  /** asked for; null: by the slug's size */
  via: Via | null
  /** bytes, above which a dyno moves the slug */
  viaDynoAbove: number
  /** Make a release also of what is released already. */
  force: boolean
}

/** Releases a build: by a slug that the app still has, or else by one that is made of it. */
export async function releaseBuild(record: SucceededBuild, {via, viaDynoAbove, force}: ReleaseOptions, world: RedeployWorld): Promise<Released> {
  const {app, platform, scripts, tell} = world
  const marker = slugMarker(record, scripts, app.stack)
  const found = await findSlug(platform, marker)
  if (found?.release.current === true && !force) {
    const processes = await platform.formation()
    tell.say(`It is released already, as v${found.release.version}. Again: heroku nix:redeploy --app ${app.name} --force`)
    return {slug: found.slug, version: found.release.version, reused: 'release', uploaded: 0, via: null, processes}
  }

  const description = `Deploy Nix build ${record.id}`
  if (found !== null) {
    const release = await tell.step(`Releasing the slug of v${found.release.version} again`,
      () => createRelease(platform, {slug: found.slug, description}), ({version}) => `done, v${version}`)
    return {slug: found.slug, version: release.version, reused: 'slug', uploaded: 0, via: null, processes: await finishRelease(release, world)}
  }

  const {slug, size, via: moved} = await uploadSlug(record, {marker, via, viaDynoAbove}, world)
  const release = await tell.step('Releasing', () => createRelease(platform, {slug, description}), ({version}) => `done, v${version}`)
  return {slug, version: release.version, reused: null, uploaded: size, via: moved, processes: await finishRelease(release, world)}
}
