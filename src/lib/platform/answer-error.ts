import {EXIT, NixError, type ExitCode} from '../errors.ts'
import type {PlatformAnswer, PlatformRequest} from './request.ts'

interface Advice {
  code: string
  exit: ExitCode
  suggestions: string[]
}

/** Heroku's error body: https://devcenter.heroku.com/articles/platform-api-reference#error-responses */
interface HerokuError {
  id: string | null
  message: string
  url: string | null
}

/** What the user wanted of Heroku, for messages. */
export interface Purpose {
  app: string
  /** continues "Heroku refused to …", e.g. "start a one-off dyno" */
  doing: string
}

/** Reads what Heroku said, word for word; a body of another shape (a proxy's page) gives the status alone. */
export function parseHerokuError({status, body}: PlatformAnswer): HerokuError {
  if (typeof body === 'object' && body !== null && 'message' in body && typeof body.message === 'string') {
    return {
      id: 'id' in body && typeof body.id === 'string' ? body.id : null,
      message: body.message.trim(),
      url: 'url' in body && typeof body.url === 'string' ? body.url : null,
    }
  }

  return {id: null, message: `status ${status}`, url: null}
}

/** The error for an answer that is no success; Heroku's own message stands in it unchanged. */
export function answerError(answer: PlatformAnswer, {app, doing}: Purpose): NixError {
  const {id, message, url} = parseHerokuError(answer)
  const {code, exit, suggestions} = advise(answer.status, id, message, app)
  const said = answer.status >= 500 ? 'Heroku could not' : 'Heroku refused to'
  return new NixError(`${said} ${doing}: ${message}`, {
    code, exit, suggestions: url === null ? suggestions : [...suggestions, `see ${url}`],
  })
}

function advise(status: number, id: string | null, message: string, app: string): Advice {
  const refused = (code: string, ...suggestions: string[]): Advice => ({code, exit: EXIT.refused, suggestions})
  if (id === 'cannot_run_above_limit' || (status === 422 && /cannot run more than/i.test(message))) {
    return refused('DYNO_LIMIT', `heroku ps --app ${app}`, `heroku ps:stop run.1234 --app ${app}`)
  }

  switch (status) {
    case 401: {
      return refused('UNAUTHORIZED', 'heroku login')
    }

    case 402: {
      return refused('PAYMENT_REQUIRED', 'https://dashboard.heroku.com/account/billing')
    }

    case 403: {
      return refused('FORBIDDEN', `heroku access --app ${app}`, 'heroku whoami')
    }

    case 404: {
      return refused('NOT_FOUND', 'heroku apps', 'heroku whoami')
    }

    case 429: {
      return {code: 'RATE_LIMITED', exit: EXIT.unavailable, suggestions: ['wait some minutes, then type the same command again']}
    }

    default: {
      return status >= 500
        ? {code: 'HEROKU_UNAVAILABLE', exit: EXIT.unavailable, suggestions: ['https://status.heroku.com', 'type the same command again']}
        : refused('REFUSED', `heroku apps:info --app ${app}`)
    }
  }
}

/** No answer came. For a POST nobody knows whether Heroku did what was asked: callers look before they ask again. */
export function noAnswerError(request: PlatformRequest, {doing}: Purpose, cause: unknown): NixError {
  const reason = cause instanceof Error ? describeCause(cause) : String(cause)
  return new NixError(`The connection to Heroku broke while asking it to ${doing}: ${reason}`, {
    code: request.method === 'POST' ? 'NO_ANSWER' : 'HEROKU_UNREACHABLE', exit: EXIT.unavailable,
    suggestions: ['https://status.heroku.com', 'type the same command again'], cause,
  })
}

/** Node's fetch says "fetch failed" and keeps the reason in `cause`. */
function describeCause(error: Error): string {
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message
}
