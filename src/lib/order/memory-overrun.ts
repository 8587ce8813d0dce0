/** That Heroku ended a dyno because it took more than twice its memory (R15). */
export interface MemoryOverrun {
  /** bytes that it had */
  bytes: number
  /** bytes that its size has */
  quota: number
}

/**
 * Reads it out of a dyno's log. How the lines look is known from logs that people have published alone; no document promises it:
 *
 *     2022-01-10T10:58:37.183286+00:00 heroku[run.1234]: Process running mem=1214M(237.2%)
 *     2022-01-10T10:58:37.192749+00:00 heroku[run.1234]: Error R15 (Memory quota vastly exceeded)
 *
 * @returns null: the log says nothing of it
 */
export function memoryOverrun(log: string): MemoryOverrun | null {
  const lines = log.split('\n')
  const last = lines.findLastIndex(line => /\bheroku\[[^\]]+\]: Error R15\b/.test(line))
  const [, megabytes, percent] = lines.slice(0, Math.max(last, 0)).map(line => /\bheroku\[[^\]]+\]: Process running mem=(\d+)MB?\(([\d.]+)%\)/.exec(line)).findLast(found => found !== null) ?? []
  if (last < 0 || megabytes === undefined || !(Number(percent) > 0)) return null
  const bytes = Number(megabytes) * 1024 ** 2
  return {bytes, quota: bytes / Number(percent) * 100}
}

/** GB. devcenter.heroku.com/articles/dyno-types */
const SIZES: [name: string, memory: number][] = [
  ['standard-2x', 1], ['performance-m', 2.5], ['performance-l', 14], ['performance-l-ram', 30], ['performance-xl', 62], ['performance-2xl', 126],
]

/** The smallest dyno with more memory than a dyno took that was ended for it; null: there is none. */
export function largerSize({bytes}: Pick<MemoryOverrun, 'bytes'>): string | null {
  // At the end it had what it had asked for by then, and was not done.
  return SIZES.find(([, memory]) => memory * 1024 ** 3 > bytes * 1.25)?.[0] ?? null
}
