import parseArgv from 'string-argv'

/**
 * nix-build's arguments. NIX_BUILD_FLAGS is split as a shell splits words and evaluated by none; it comes last, so
 * that what it says wins.
 */
export function nixBuildArguments({flags, jobs, cores, outLink}: {flags: string; jobs: number; cores: number; outLink: string}): string[] {
  return [
    '--out-link', outLink, '--max-jobs', String(jobs), '--cores', String(cores),
    ...(flags.trim() === '' ? [] : parseArgv(flags)),
  ]
}
