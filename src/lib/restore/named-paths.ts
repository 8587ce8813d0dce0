import {EXIT, NixError} from '../errors.ts'
import {isBaseName, STORE_DIR, VIEW_DIR} from '../nix/store-path.ts'

/**
 * Store paths as a user names them: by where Nix or a dyno has them, or by their name alone, and by anything in them.
 * @throws NixError BAD_STORE_PATH
 */
export function namedPaths(names: readonly string[]): string[] {
  return [...new Set(names.map(name => {
    const folder = [STORE_DIR, VIEW_DIR].find(one => name.startsWith(`${one}/`))
    const [first = ''] = (folder === undefined ? name : name.slice(folder.length + 1)).split('/')
    if (!isBaseName(first)) {
      throw new NixError(`${JSON.stringify(name)} is no store path, as ${STORE_DIR}/HASH-NAME is.`, {
        code: 'BAD_STORE_PATH', exit: EXIT.usage, suggestions: ['heroku nix:slugexclude:check --list kept, which prints those of a build'],
      })
    }

    return `${STORE_DIR}/${first}`
  }))]
}
