const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

/** Bytes for people, in the unit that fits, by powers of 1024 as Heroku has them: `48.5 MB`, `500 MB`. */
export function formatBytes(bytes: number): string {
  let [value, power] = [bytes, 0]
  while (Math.round(value) >= 1024 && power < UNITS.length - 1) {
    value /= 1024
    power++
  }

  return `${power === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${UNITS[power] ?? ''}`
}
