import {existsSync} from 'node:fs'
import {join} from 'node:path'
import {checkProject} from '../../lib/source/check-project.ts'

/**
 * Checks that there is something to build, before anything takes time.
 * @param source the unpacked source's place
 * @param flags NIX_BUILD_FLAGS
 * @throws NixError NO_DEFAULT_NIX, NO_SUCH_FILE, FLAKE_ONLY
 */
export function requireProject(source: string, flags: string): void {
  checkProject({has: path => existsSync(join(source, path)), nested: []}, flags)
}
