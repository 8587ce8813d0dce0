import {EXIT, NixError} from '../errors.ts'
import {isOldProject, otherBuildpacks} from '../setup/buildpacks.ts'

/**
 * A slug of ours holds nothing of what other buildpacks add, so an app that has some would lose it.
 * @throws NixError OTHER_BUILDPACKS
 */
export function checkBuildpacks(buildpacks: readonly string[], ours: string, app: string): void {
  const others = otherBuildpacks(buildpacks, ours).filter(url => !isOldProject(url))
  if (others.length === 0) return
  throw new NixError(`${app} has other buildpacks as well (${others.join(', ')}); what they add would not be in this slug.`, {
    code: 'OTHER_BUILDPACKS', exit: EXIT.slug,
    suggestions: [`heroku nix:redeploy --app ${app} --via build, which runs all of them at Heroku`, 'git push heroku, which does so, too', `heroku nix:redeploy --app ${app} --only-nix, if it runs without them`],
  })
}

/**
 * A build at Heroku runs the app's buildpacks.
 * @throws NixError NO_BUILDPACKS
 */
export function requireBuildpacks(buildpacks: readonly string[], app: string): void {
  if (buildpacks.length > 0) return
  throw new NixError(`${app} has no buildpacks, so a build at Heroku would not know what to do.`, {
    code: 'NO_BUILDPACKS', exit: EXIT.setup, suggestions: [`heroku nix:setup --app ${app}`, `heroku nix:redeploy --app ${app}`],
  })
}
