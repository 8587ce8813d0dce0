import {EXIT, NixError} from '../errors.ts'

/** Heroku's limit for one-off dynos, seconds. */
export const MAX_TIME_TO_LIVE = 86_400
export const DEFAULT_TIMEOUT = '12h'

const UNITS: Readonly<Record<string, number>> = {h: 3600, m: 60, s: 1}

/** @param text as in `90m`, `2h`, `1h30m` @returns seconds @throws NixError BAD_TIMEOUT */
export function parseTimeout(text: string): number {
  const parts = [...text.matchAll(/(\d+)([hms])/g)]
  const seconds = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ''] ?? 0), 0)
  const isWhole = parts.map(([part]) => part).join('') === text
  if (!isWhole || seconds < 60 || seconds > MAX_TIME_TO_LIVE) {
    throw new NixError(`--timeout is "${text}"; it can be between 1m and 24h, as in 90m, 2h or 1h30m.`, {
      code: 'BAD_TIMEOUT', exit: EXIT.usage, suggestions: [`heroku nix:build --timeout ${DEFAULT_TIMEOUT}`],
    })
  }

  return seconds
}
