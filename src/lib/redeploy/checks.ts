import type {SucceededBuild} from '../build/record.ts'
import {EXIT, NixError} from '../errors.ts'
import {isOldProject, otherBuildpacks} from '../setup/buildpacks.ts'
import {layerDigest} from '../slug/layer-digest.ts'

/**
 * A slug of ours holds nothing of what other buildpacks add, so an app that has some would lose it.
 * @throws NixError OTHER_BUILDPACKS
 */
export function checkBuildpacks(buildpacks: readonly string[], ours: string, app: string): void {
  const others = otherBuildpacks(buildpacks, ours).filter(url => !isOldProject(url))
  if (others.length === 0) return
  throw new NixError(`${app} has other buildpacks as well (${others.join(', ')}); what they add would not be in this slug.`, {
    code: 'OTHER_BUILDPACKS', exit: EXIT.slug,
    suggestions: ['git push heroku HEAD:main, which runs all of them', `heroku nix:redeploy --app ${app} --only-nix, if it runs without them`],
  })
}

/**
 * A layer is pruned where it is made. Other rules that come to the same layer are fine; others need another layer.
 * @throws NixError SLUGEXCLUDE_NEEDS_BUILD
 */
export function checkSlugexclude({outcome: {closure, result, engine, layer}}: SucceededBuild, rules: Uint8Array, file: string): void {
  if (layerDigest({closure, result, engine, slugexclude: rules}) === layer.digest) return
  throw new NixError(`${file} is not the .slugexclude that the build was pruned with, and this version prunes only when it builds.`, {
    code: 'SLUGEXCLUDE_NEEDS_BUILD', exit: EXIT.slug,
    suggestions: [`cp ${file} .slugexclude, commit it, and run: heroku nix:build (nothing is compiled again)`],
  })
}
