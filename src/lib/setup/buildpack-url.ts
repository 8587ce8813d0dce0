import {EXIT, NixError} from '../errors.ts'

/**
 * What `--buildpack-url` may be: whatever Heroku takes for a buildpack that will be there for every push to come, and that
 * everybody who sees the app's settings may see.
 * @throws NixError BAD_BUILDPACK_URL
 */
export function checkBuildpackUrl(url: string | null): string | null {
  if (url === null) return null
  const shown = url.replace(/\?.*/s, '?…').replace(/\/\/[^/@]*@/, '//…@')
  if (!/^[!-~]+$/.test(url)) throw bad(`"${shown}" is no URL of a buildpack.`)
  if (url.includes('?')) throw bad(`${shown} has a query. A signed URL expires, and each push after that would fail.`)
  if (/\/\/[^/@]*:[^/@]*@/.test(url)) throw bad(`${shown} holds a password, which the app's settings and each push would show.`)
  return url
}

function bad(message: string): NixError {
  return new NixError(message, {
    code: 'BAD_BUILDPACK_URL', exit: EXIT.usage,
    suggestions: ['heroku nix:setup --buildpack-url https://git.example.com/mirrors/heroku-nix.git#vX.Y.Z', 'heroku nix:setup, which takes the one that belongs to this version of the plugin'],
  })
}
