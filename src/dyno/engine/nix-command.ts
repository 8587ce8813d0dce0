import {STORE_DIR} from '../../lib/nix/store-path.ts'
import {LAYOUT} from './layout.ts'

/** A Nix that is installed in the canonical store and runs from the view. */
export interface InstalledNix {
  /** `2.34.8` */
  version: string
  /** `/nix/store/HASH-nix-VERSION` */
  storePath: string
  /** `/app/.nixs/HASH-nix-VERSION/bin` */
  programs: string
}

export type NixProgram = 'nix' | 'nix-build' | 'nix-env' | 'nix-hash' | 'nix-instantiate' | 'nix-prefetch-url' | 'nix-store'

export interface Command {
  file: string
  args: string[]
  /** The whole environment. Nothing of the caller's: a builder can read its parents' from /proc. */
  env: Record<string, string>
}

/**
 * What builders inherit and Node cannot set: no core dumps, which would fill the dyno's disk, and no randomised addresses,
 * as Nix's own builders have none (nix: src/libstore/linux/personality.cc), where the dyno permits that.
 */
const AS_BUILDERS_HAVE_IT = 'ulimit -c 0; ! setarch --addr-no-randomize true 2> /dev/null || set -- setarch --addr-no-randomize "$@"; exec "$@"'

/** What to spawn for `nix-build ARGS…` and the like. `env` adds to or replaces what Nix needs (NIX_PATH, what getEnv may see). */
export function nixCommand(nix: InstalledNix, program: NixProgram, args: readonly string[], env: Readonly<Record<string, string>> = {}): Command {
  return {
    file: '/bin/sh', args: ['-c', AS_BUILDERS_HAVE_IT, 'sh', `${nix.programs}/${program}`, ...args],
    env: {...nixEnvironment(nix), ...env},
  }
}

/** The environment of every Nix program on a dyno. */
export function nixEnvironment({programs}: InstalledNix): Record<string, string> {
  return {
    PATH: `${programs}:/usr/local/bin:/usr/bin:/bin`,
    HOME: LAYOUT.home,
    // Its compiled-in store became the view's when it was relocated, so that must be said too.
    NIX_REMOTE: `local?store=/nix/store&real=${LAYOUT.canonical}&state=${LAYOUT.state}&log=${LAYOUT.log}`,
    // And for the stores that it substitutes from.
    NIX_STORE_DIR: STORE_DIR,
    NIX_CONF_DIR: LAYOUT.etc,
    // Otherwise Nix looks into /nix/var/nix/profiles.
    NIX_PATH: '',
    LANG: 'C.UTF-8',
  }
}
