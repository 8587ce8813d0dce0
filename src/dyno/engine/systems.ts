import type {Probe} from './probe.ts'

/** Programs of 32 bits on a processor of 64; `uname` has to say so to them, as under Nix's own builder. */
export const I686 = 'i686-linux'

/** The systems whose programs a dyno runs, as in a derivation's `system`; the first is its own. */
export function systemsOf({programs32}: Pick<Probe, 'programs32'>): string[] {
  return ['x86_64-linux', ...(programs32 === 'permitted' ? [I686] : [])]
}
