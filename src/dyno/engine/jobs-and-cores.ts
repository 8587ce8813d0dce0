/** What a derivation's builder may need at the least: a compiler's working set. */
const MEMORY_PER_JOB = 1024 ** 3
/** What each of a job's own processes may need beside the others. */
const MEMORY_PER_CORE = 512 * 1024 ** 2
/** Nix itself, our programs and the loopback cache. */
const MEMORY_KEPT = 512 * 1024 ** 2
/** Of the dyno's limit: Nix, curl and Node's own threads. */
const THREADS_KEPT = 96
/** A builder with `-jN` starts about so many processes and threads for each of the N. */
const THREADS_PER_CORE = 8

/**
 * Nix's `-j` (derivations at once) and `--cores` (NIX_BUILD_CORES for each) that fit a dyno: no more jobs than there is memory
 * for, and no more threads than the dyno may have. A shared dyno shows all its host's processors, so they are the last bound.
 * Jobs may use each twice their share of processors: seldom are all of them busy, and the last ones are alone.
 */
export function jobsAndCores({processors, memory, threads}: {processors: number; memory: number; threads: number | null}): {jobs: number; cores: number} {
  const free = Math.max(0, memory - MEMORY_KEPT)
  const atOnce = atLeastOne(threads === null ? processors : Math.min(processors, (threads - THREADS_KEPT) / THREADS_PER_CORE))
  const jobs = atLeastOne(Math.min(atOnce, free / MEMORY_PER_JOB))
  return {jobs, cores: atLeastOne(Math.min(atOnce, (2 * atOnce) / jobs, free / MEMORY_PER_CORE / jobs))}
}

function atLeastOne(number: number): number {
  return Math.max(1, Math.floor(number))
}
