/** One request to Heroku's Platform API, whoever sends it. */
export interface PlatformRequest {
  method: 'GET' | 'PATCH' | 'POST' | 'PUT'
  /** begins with a slash; its parts are percent-encoded */
  path: string
  body?: unknown
  headers?: Readonly<Record<string, string>>
}

/** What the API answered, also when it refused. */
export interface PlatformAnswer {
  status: number
  headers: Readonly<Record<string, string | undefined>>
  /** parsed JSON, or text when it is none */
  body: unknown
}

/**
 * Sends one request and resolves to the answer, whatever its status. Rejects only when there was no answer.
 * It must not send a POST twice: what creates something may have been done although the connection broke.
 */
export type SendRequest = (request: PlatformRequest) => Promise<PlatformAnswer>

/** The API's newest schema: it has an app's generation and a release's artifacts. */
export const ACCEPT = 'application/vnd.heroku+json; version=3.sdk'

/** @returns a path whose values cannot change its meaning, e.g. pathOf`/apps/${app}/dynos` */
export function pathOf(strings: TemplateStringsArray, ...values: string[]): string {
  return String.raw({raw: strings}, ...values.map(value => encodeURIComponent(value)))
}
