import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import type {Platform} from './platform/start.ts'

/**
 * Makes throwaway folders and returns the environment in which the real CLI talks to this stand-in alone. Beside it
 * the CLI needs a PATH.
 */
export async function cliEnvironment(dir: string, {api, token, ca}: Pick<Platform, 'api' | 'ca' | 'token'>): Promise<Record<string, string>> {
  const folder = (name: string) => join(dir, name)
  await Promise.all(['data', 'cache/heroku', 'config/git'].map(name => mkdir(folder(name), {recursive: true})))
  // Its presence means that the terms were shown.
  await writeFile(folder('cache/heroku/terms-of-service'), '')
  // Beside $HOME/.gitconfig, which is the CLI's and the user's to write.
  await writeFile(folder('config/git/config'), gitConfig(api))
  return {
    // The CLI writes a credential helper into $HOME/.gitconfig.
    HOME: dir, XDG_DATA_HOME: folder('data'), XDG_CACHE_HOME: folder('cache'), XDG_CONFIG_HOME: folder('config'),
    HEROKU_HOST: api,
    // GET /account and /teams otherwise ask a public host, too.
    HEROKU_PARTICLEBOARD_URL: api,
    HEROKU_API_KEY: token,
    // Derived from HEROKU_HOST when unset, which would hide an app from its Git remote.
    HEROKU_GIT_HOST: 'git.heroku.com',
    HEROKU_NETRC_WRITE: 'true', HEROKU_SKIP_NEW_VERSION_CHECK: '1', HEROKU_DISABLE_AUTOUPDATE: '1', HEROKU_NOTIFICATIONS: '0',
    DISABLE_TELEMETRY: 'true', OCLIF_DISABLE_LINKED_ESM_WARNING: '1',
    NODE_EXTRA_CA_CERTS: ca, NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1',
    // With TERM=dumb a failure of TLS prints nothing.
    TERM: 'xterm',
  }
}

/**
 * Makes git push to the stand-in what is meant for Heroku: the remotes that the CLI adds, and the API's git_url, name git.heroku.com.
 * Not so for what is fetched, since the CLI knows an app by the URL that its remote is fetched from. The password is the API key,
 * which stays in the environment.
 */
function gitConfig(api: string): string {
  return `[url "${api}/"]
\tpushInsteadOf = https://git.heroku.com/
[credential "${api}"]
\thelper =
\thelper = "!f() { test \\"$1\\" = get && echo username=heroku && echo \\"password=$HEROKU_API_KEY\\"; }; f"
`
}
