import {buildpackLabel} from './buildpack.ts'
import {BuildFailure, detail, problem, step} from './failure.ts'

const SOFT_LIMIT = 300 * 1024 * 1024

/** `Heroku-24` of `heroku-24`. */
export function buildsOn(stack: string): string {
  return step(`Building on the ${stack.charAt(0).toUpperCase()}${stack.slice(1)} stack`)
}

export function usesBuildpacks(urls: readonly string[]): string {
  const labels = urls.map(url => buildpackLabel(url))
  return labels.length === 1
    ? step(`Using buildpack: ${labels[0] ?? ''}`)
    : step('Using buildpacks:') + detail(labels.map((label, index) => `${index + 1}. ${label}`).join('\n'))
}

/** `35M`, `156.9K` */
export function amount(bytes: number): string {
  const [size, unit] = bytes < 1024 * 1024 ? [bytes / 1024, 'K'] : [bytes / 1024 / 1024, 'M']
  return `${size.toFixed(1).replace(/\.0$/, '')}${unit}`
}

/** @throws BuildFailure for a slug above the limit. devcenter.heroku.com/articles/slug-compiler#slug-size */
export function measured(bytes: number, limit: number): string {
  if (bytes > limit) {
    throw new BuildFailure(
      `Compiled slug size: ${amount(bytes)} is too large (max is ${amount(limit)}).`,
      'See: http://devcenter.heroku.com/articles/slug-size', '', 'Push failed',
    )
  }

  return detail(`Done: ${amount(bytes)}`) + (bytes <= SOFT_LIMIT ? '' : problem(
    `Warning: Your slug size (${Math.round(bytes / 1024 / 1024)} MB) exceeds our soft limit (${SOFT_LIMIT / 1024 / 1024} MB) which may affect boot time.`,
  ))
}

export function released({version, command}: {version: number; command: boolean}, webUrl: string): string {
  return (command ? problem('Release command declared: this new release will not be available until the command succeeds.') : '')
    + detail(`Released v${version}\n${webUrl} deployed to Heroku`)
}

/** Heroku's words at its limit of 15 minutes. devcenter.heroku.com/articles/slug-compiler#time-limit */
export function timedOut(app: string | null, ms: number): string {
  const limit = ms % 60_000 === 0 ? `${ms / 60_000} minutes` : `${ms / 1000} seconds`
  return `\n${problem(
    `Timed out compiling ${app === null ? 'the' : app} app (${limit})`, 'See https://devcenter.heroku.com/articles/slug-compiler#time-limit', '', 'Push failed',
  )}`
}
