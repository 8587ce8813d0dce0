import {readFile} from 'node:fs/promises'
import path from 'node:path'
import {EXIT, NixError} from '../lib/errors.ts'
import {loadToolsLock} from '../lib/tools/tool-source.ts'
import {makeToolbox, type Toolbox} from '../lib/tools/toolbox.ts'

/** The package's root, from src/cli and from dist/cli alike. */
export const PACKAGE_ROOT = path.resolve(import.meta.dirname, '..', '..')

/** The registry that the Heroku CLI installs plugins from. */
const DEFAULT_REGISTRY = 'https://registry.npmjs.org'

/**
 * The toolbox that belongs to this version of the plugin.
 * @param env for HEROKU_NIX_TOOLS and HEROKU_NPM_REGISTRY
 * @throws NixError NOT_BUILT in a checkout that was never built
 */
export async function ownToolbox({env, cwd, registry}: {env: NodeJS.ProcessEnv; cwd: string; registry: string | undefined}): Promise<Toolbox> {
  const lock = await loadToolsLock({
    mirror: env['HEROKU_NIX_TOOLS'], own: path.join(PACKAGE_ROOT, 'tools.lock.json'), cwd,
    registry: env['HEROKU_NPM_REGISTRY'] ?? registry ?? DEFAULT_REGISTRY,
  })
  const [program, loaderTemplate] = await Promise.all([own('dyno.mjs'), own('loader.sh')])
  return makeToolbox({lock, program, loaderTemplate: loaderTemplate.toString()})
}

async function own(file: string): Promise<Buffer> {
  try {
    return await readFile(path.join(PACKAGE_ROOT, 'dist', 'toolbox', file))
  } catch (error) {
    throw new NixError(`This copy of heroku-nix is not whole: it has no dist/toolbox/${file}.`, {
      code: 'NOT_BUILT', exit: EXIT.unexpected, suggestions: ['heroku plugins:update', 'in a checkout: npm run build'], cause: error,
    })
  }
}
