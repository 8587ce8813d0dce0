import {existsSync} from 'node:fs'
import {join} from 'node:path'
import {buildTarget, type BuildTarget} from '../../lib/source/build-target.ts'

/**
 * Finds what there is to build, before anything takes time.
 * @param source the unpacked source's place
 * @param flags NIX_BUILD_FLAGS
 * @throws NixError NO_DEFAULT_NIX, NO_SUCH_FILE, NO_FLAKE
 */
export function findTarget(source: string, flags: string): BuildTarget {
  return buildTarget({has: path => existsSync(join(source, path)), nested: []}, flags)
}
