import {EXIT, NixError} from '../errors.ts'

/**
 * Checks that nix-build will find something to build, before anything takes time.
 * @param names what lies in the source, `/` between the parts of a path
 * @param flags NIX_BUILD_FLAGS, split into words: a path or an expression in them takes default.nix's place
 * @throws NixError NO_DEFAULT_NIX, FLAKE_ONLY
 */
export function checkProject(names: readonly string[], flags: readonly string[]): void {
  if (names.includes('default.nix') || flags.some(flag => namesSomethingElse(flag, names))) return
  if (names.includes('flake.nix')) {
    throw new NixError('The tree has a flake.nix but no default.nix, and flakes cannot be built yet.', {
      code: 'FLAKE_ONLY', exit: EXIT.project,
      suggestions: ["add a default.nix that gives the flake's package, e.g. with flake-compat", 'git add default.nix && git commit && heroku nix:build'],
    })
  }

  const elsewhere = names.filter(name => name.endsWith('/default.nix')).slice(0, 3)
  throw new NixError(`The tree has no default.nix at its root${elsewhere.length === 0 ? '' : `, only ${elsewhere.join(', ')}`}.`, {
    code: 'NO_DEFAULT_NIX', exit: EXIT.project,
    suggestions: ['git add default.nix && git commit && heroku nix:build', 'heroku nix:build --worktree, if it is there but in no commit'],
  })
}

function namesSomethingElse(flag: string, names: readonly string[]): boolean {
  if (/^(?:-E|--expr)$/.test(flag) || /^https?:/.test(flag)) return true
  const path = flag.replace(/^\.\//, '').replace(/\/$/, '')
  return names.includes(path) || names.includes(`${path}/default.nix`)
}
