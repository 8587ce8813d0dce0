import {readdir} from 'node:fs/promises'
import {EXIT, NixError} from '../../lib/errors.ts'

/**
 * Checks that there is something to build, before anything takes time.
 * @throws NixError NO_DEFAULT_NIX, FLAKE_ONLY
 */
export async function requireProject(source: string): Promise<void> {
  checkProject(await readdir(source))
}

/** @param names what lies at the source's root */
export function checkProject(names: readonly string[]): void {
  if (names.includes('default.nix')) {
    return
  }

  if (names.includes('flake.nix')) {
    throw new NixError('This project has a flake.nix but no default.nix, and flakes cannot be built yet.', {
      code: 'FLAKE_ONLY', exit: EXIT.project,
      suggestions: ['add a default.nix that gives the flake\'s package, e.g. with flake-compat, commit it, and run: heroku nix:build'],
    })
  }

  throw new NixError('No default.nix at the root of the source.', {
    code: 'NO_DEFAULT_NIX', exit: EXIT.project,
    suggestions: ['add a default.nix, commit it, and run: heroku nix:build'],
  })
}
