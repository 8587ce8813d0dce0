/** Signs that nobody mistakes for one another when reading an id aloud. */
const SIGNS = '0123456789abcdfghjkmnpqrstvwxyz'

/**
 * A build's id, `YYYYMMDD-HHMMSS-xxxx` in UTC: ids sort by time.
 * @param random four random bytes
 */
export function makeBuildId(now: Date, random: Uint8Array): string {
  const [date = '', time = ''] = now.toISOString().split('T')
  const tail = [...random.subarray(0, 4)].map(byte => SIGNS[byte % SIGNS.length]).join('')
  return `${date.replaceAll('-', '')}-${time.slice(0, 8).replaceAll(':', '')}-${tail}`
}

/** The part that says when, to the second. */
export function secondOf(id: string): string {
  return id.slice(0, 'YYYYMMDD-HHMMSS'.length)
}

export function isBuildId(text: string): boolean {
  return /^\d{8}-\d{6}-[0-9a-z]{4}$/.test(text)
}
