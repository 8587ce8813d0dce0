const HOUR = 3_600_000

/** Nothing younger is swept: twice the longest life of a dyno, so that what a build saved outlives the build and the next one. */
export const SWEEP_AGE = 48 * HOUR
/** Who reuses something older makes it young: a build, which lives half of SWEEP_AGE at most, then ends before a sweep may take it. */
export const TOUCH_AGE = 24 * HOUR

export function isOld(modifiedAt: Date, now: Date): boolean {
  return now.getTime() - modifiedAt.getTime() > TOUCH_AGE
}
