import {EXIT, NixError} from '../errors.ts'
import type {App} from './types.ts'

/** Stacks whose curl can sign requests with sigv4, which is how a dyno fetches its loader. */
const SIGNING_STACKS = ['heroku-24', 'heroku-26']

export interface Support {
  /** The loader's URL must be signed here and travel in the dyno's `env`. */
  presignedLoader: boolean
  notes: string[]
}

/**
 * Whether slugs and one-off dynos of this kind of app work as we need them.
 * @throws NixError FIR_APP, CONTAINER_APP, CNB_APP, UNKNOWN_STACK
 */
export function checkSupported(app: App): Support {
  const refuse = (message: string, code: string, suggestions: string[]): never => {
    throw new NixError(message, {code, exit: EXIT.refused, suggestions})
  }

  if (app.generation === 'fir') {
    return refuse(
      `${app.name} is a Fir app: it runs container images, and slugs cannot be released to it.`, 'FIR_APP',
      ['heroku apps:create NEW-NAME', 'heroku nix:setup --app NEW-NAME'],
    )
  }

  const toSlugs = [`heroku stack:set heroku-24 --app ${app.name}`]
  if (app.stack === 'container') {
    return refuse(`${app.name} has the stack "container": it runs Docker images, and slugs cannot be released to it.`, 'CONTAINER_APP', toSlugs)
  }

  if (app.stack === 'cnb') {
    return refuse(`${app.name} has the stack "cnb": it runs images of Cloud Native Buildpacks, and slugs cannot be released to it.`, 'CNB_APP', toSlugs)
  }

  if (SIGNING_STACKS.includes(app.stack)) return {presignedLoader: false, notes: []}
  if (app.stack === 'heroku-22') {
    return {
      presignedLoader: true,
      notes: [`${app.name}'s stack heroku-22 ends on 2027-04-30, and its curl cannot sign requests: the dyno gets a signed URL. Newer: heroku stack:set heroku-24 --app ${app.name}`],
    }
  }

  return refuse(`${app.name} has the stack "${app.stack}", on which builds were never tried.`, 'UNKNOWN_STACK', toSlugs)
}
