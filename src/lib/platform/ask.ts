import {answerError, noAnswerError, type Purpose} from './answer-error.ts'
import type {PlatformAnswer, PlatformRequest, SendRequest} from './request.ts'

export interface Patience {
  /** milliseconds to go on asking while Heroku is busy */
  total: number
  /** resolves after so many milliseconds */
  wait: (milliseconds: number) => Promise<void>
}

/** Half a minute rides out a short maintenance; a person still remembers what they typed. */
export const DEFAULT_PATIENCE_MS = 30_000

/**
 * Asks until Heroku answers with something else than "busy", or patience ends. 429 means that nothing was
 * done, so any request may be repeated; after a 5xx only what changes nothing.
 * @throws NixError with Heroku's message for every answer that is no success
 */
export async function ask(send: SendRequest, request: PlatformRequest, purpose: Purpose, patience: Patience): Promise<PlatformAnswer> {
  let waited = 0
  for (let attempt = 0; ; attempt += 1) {
    const answer = await answerTo(send, request, purpose)
    if (answer.status >= 200 && answer.status < 300) return answer
    const pause = pauseBefore(attempt, answer)
    if (!isBusy(answer.status, request.method) || waited + pause > patience.total) throw answerError(answer, purpose)
    await patience.wait(pause)
    waited += pause
  }
}

async function answerTo(send: SendRequest, request: PlatformRequest, purpose: Purpose): Promise<PlatformAnswer> {
  try {
    return await send(request)
  } catch (error) {
    throw noAnswerError(request, purpose, error)
  }
}

/** Whether asking again is harmless and may help. */
export function isBusy(status: number, method: PlatformRequest['method']): boolean {
  return status === 429 || (method === 'GET' && [500, 502, 503, 504].includes(status))
}

/** Milliseconds: doubling from half a second to eight, or what Retry-After asks. */
export function pauseBefore(attempt: number, {headers}: Pick<PlatformAnswer, 'headers'>): number {
  const asked = Number(headers['retry-after'])
  return Number.isFinite(asked) && asked > 0 ? asked * 1000 : Math.min(500 * 2 ** attempt, 8000)
}
