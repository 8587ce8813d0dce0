/** What a derivation's builder may need at the least: a compiler's working set. */
const MEMORY_PER_JOB = 1024 ** 3
/** Nix itself, our programs and the loopback cache. */
const MEMORY_KEPT = 512 * 1024 ** 2
/** Of the dyno's limit: Nix, curl and Node's own threads. */
const THREADS_KEPT = 96
/** A builder with `-jN` starts about so many processes and threads for each of the N. */
const THREADS_PER_CORE = 8

/**
 * Nix's `-j` (derivations at once) and `--cores` (NIX_BUILD_CORES for each) that fit a dyno: no more jobs than there is memory
 * for, and no more threads than the dyno may have. A shared dyno shows all its host's processors, so they are the last bound.
 */
export function jobsAndCores({processors, memory, threads}: {processors: number; memory: number; threads: number | null}): {jobs: number; cores: number} {
  const byMemory = Math.floor((memory - MEMORY_KEPT) / MEMORY_PER_JOB)
  const atOnce = threads === null ? processors : Math.min(processors, Math.floor((threads - THREADS_KEPT) / THREADS_PER_CORE))
  const jobs = Math.max(1, Math.min(byMemory, atOnce))
  return {jobs, cores: Math.max(1, Math.floor(Math.max(1, atOnce) / jobs))}
}
