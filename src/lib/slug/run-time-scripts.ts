import {readFile} from 'node:fs/promises'
import {join} from 'node:path'

/** Texts of the scripts that every slug of ours carries; in the repository they lie in `buildpack/share/`. */
export interface RunTimeScripts {
  /** `.heroku/nix/bin/run_result.sh` */
  runResult: string
  /** `.heroku/nix/bin/run_proot.sh` */
  runProot: string
  /** `.heroku/nix/bin/build` */
  build: string
  /** `.profile.d/nix.sh` */
  profile: string
}

/** @param share the folder `buildpack/share` */
export async function readRunTimeScripts(share: string): Promise<RunTimeScripts> {
  const [runResult, runProot, build, profile] = await Promise.all(
    ['run_result.sh', 'run_proot.sh', 'build', 'nix.sh'].map(name => readFile(join(share, name), 'utf8')),
  ) as [string, string, string, string]
  return {runResult, runProot, build, profile}
}
