/** A benchmark: what it measures against what, and what it must reach. Default export of `bench/NAME.ts`. */
export interface Benchmark {
  name: string
  /** one line, for the list */
  description: string
  /** in words; `Result.goals` says whether each was met */
  goals: readonly string[]
  /** Throws CannotMeasure where the machine lacks something. */
  run: (context: BenchContext) => Promise<Result>
}

export interface BenchContext {
  /** a folder that is removed afterwards */
  scratch: string
  /** says what is going on, on standard error */
  say: (line: string) => void
}

export interface Result {
  /** what was compared, each with where it came from */
  compared: Record<string, string>
  /** in the order of measuring; figures of one round were taken one right after the other */
  rounds: Record<string, number>[]
  /** of each figure */
  medians: Record<string, number>
  /** of figures of one round, median over the rounds */
  ratios: Record<string, number>
  goals: {goal: string; value: number; met: boolean}[]
}

/** The machine lacks something: exit status 2. */
export class CannotMeasure extends Error {}

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const [low = Number.NaN, high = low] = sorted.length % 2 === 0 ? sorted.slice(middle - 1, middle + 1) : [sorted[Math.floor(middle)]]
  return (low + high) / 2
}

/** The median of each figure over all rounds. */
export function medians(rounds: readonly Record<string, number>[]): Record<string, number> {
  const names = Object.keys(rounds[0] ?? {})
  return Object.fromEntries(names.map(name => [name, median(rounds.map(round => round[name] ?? Number.NaN))]))
}

/** The median over rounds of one figure divided by another of the same round. */
export function medianRatio(rounds: readonly Record<string, number>[], above: string, below: string): number {
  return median(rounds.map(round => (round[above] ?? Number.NaN) / (round[below] ?? Number.NaN)))
}

/** A goal that a value must at least reach. */
export function atLeast(goal: string, value: number, least: number): Result['goals'][number] {
  return {goal, value, met: value >= least}
}

/** What some work takes. */
export async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

/** A goal that a value may at most reach. */
export function atMost(goal: string, value: number, most: number): Result['goals'][number] {
  return {goal, value, met: value <= most}
}
