import type {BuildTarget} from '../../lib/source/build-target.ts'

/** The flake's packages for this system, by the names that `nix build` finds them by: packages, legacyPackages, any output. */
const FLAKE = `let
  flake = builtins.getFlake (toString ./.);
  here = set: set.\${builtins.currentSystem} or {};
in flake.outputs // here (flake.legacyPackages or {}) // here (flake.packages or {})`

/** nix-build's arguments, to be run in the source's folder. NIX_BUILD_FLAGS come last, so that what they say wins. */
export function nixBuildArguments({target: {kind, words}, jobs, cores, outLink}: {target: BuildTarget; jobs: number; cores: number; outLink: string}): string[] {
  return [
    '--out-link', outLink, '--max-jobs', String(jobs), '--cores', String(cores),
    ...(kind === 'flake' ? ['--expr', FLAKE] : []), ...words,
  ]
}
