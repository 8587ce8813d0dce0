/** An answer in Heroku's error shape, `{id, message, url?}`. Status table: devcenter.heroku.com/articles/platform-api-reference#errors */
export class ApiError extends Error {
  readonly status: number
  readonly id: string
  readonly extra: Readonly<Record<string, unknown>>

  constructor(status: number, id: string, message: string, extra: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.name = 'ApiError'
    this.status = status
    this.id = id
    this.extra = extra
  }

  body(): Record<string, unknown> {
    return {...this.extra, id: this.id, message: this.message}
  }
}

/** 404 that names what was looked for, as `resource`. */
export function notFound(resource: string): ApiError {
  return new ApiError(404, 'not_found', `Couldn't find that ${resource.replaceAll('_', ' ')}.`, {resource})
}

export function invalid(message: string): ApiError {
  return new ApiError(422, 'invalid_params', message)
}

/** Heroku's id and message of a status that a fault asked for. */
export function errorOfStatus(status: number): ApiError {
  const known = KNOWN.find(([code]) => code === status)
  return known ? new ApiError(...known) : new ApiError(status, 'error', `Status ${status}, as a fault asked for it.`)
}

const KNOWN: [number, string, string, Record<string, unknown>?][] = [
  [400, 'bad_request', 'There was a problem parsing your request.'],
  [401, 'unauthorized', 'Invalid credentials provided.'],
  [402, 'delinquent', 'Account delinquent. Please add a payment method.', {url: 'https://heroku.com/verify'}],
  [403, 'forbidden', 'You do not have access to this resource.'],
  [404, 'not_found', 'Couldn\'t find that resource.'],
  [406, 'not_acceptable', 'set `Accept: application/vnd.heroku+json; version=3` header and try again'],
  [409, 'conflict', 'Conflict with another request. Please try again.'],
  [422, 'invalid_params', 'The parameters of the request are invalid.'],
  [429, 'rate_limit', 'Your account reached the API rate limit\nPlease wait a few minutes before making new requests', {
    url: 'https://devcenter.heroku.com/articles/platform-api-reference#rate-limits',
  }],
  [500, 'internal_server_error', 'Internal server error.'],
  [503, 'service_unavailable', 'Heroku API is temporarily unavailable.'],
]
