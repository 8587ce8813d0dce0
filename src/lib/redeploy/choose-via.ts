/** How a slug gets to Heroku: through this machine, or from the bucket by a one-off dyno. */
export type Via = 'dyno' | 'local'

/** Bytes. Up to here a home connection takes a minute, and a dyno takes as long to start. */
export const VIA_DYNO_ABOVE = 64 * 1024 * 1024

/** @param size of the slug, bytes @param limit bytes */
export function chooseVia(asked: Via | null, size: number, limit: number): Via {
  return asked ?? (size > limit ? 'dyno' : 'local')
}
