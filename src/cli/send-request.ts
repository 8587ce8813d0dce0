import {vars, type APIClient} from '@heroku-cli/command'
import {ACCEPT, type PlatformAnswer, type SendRequest} from '../lib/platform/request.ts'

/** As long as the CLI's own client waits without a byte moving. */
const TIMEOUT_MS = 60_000

/**
 * Sends requests as the user of the CLI. All but POST go through the CLI's client, which knows logins, second
 * factors and proxies; it also sends a request again when the connection breaks, so a POST goes by fetch, once.
 */
export function sendAs(heroku: APIClient, userAgent: string): SendRequest {
  return request => {
    const headers = {accept: ACCEPT, ...request.headers}
    return request.method === 'POST'
      ? sendOnce(heroku, request.path, request.body, {'user-agent': userAgent, ...headers})
      : sendByClient(heroku, request.path, {
          method: request.method, headers,
          ...(request.body !== undefined && {body: request.body}),
          // With a range asked for, the client would go on to the list's end.
          ...(request.headers?.['range'] !== undefined && {partial: true}),
        })
  }
}

async function sendByClient(heroku: APIClient, path: string, options: Parameters<APIClient['request']>[1]): Promise<PlatformAnswer> {
  try {
    const {statusCode, headers, body} = await heroku.request<unknown>(path, options)
    return {status: statusCode, headers: flatten(headers), body}
  } catch (error) {
    const answer = answerIn(error)
    if (answer) return answer
    throw error
  }
}

/** The client throws for answers that are no success; HerokuAPIError keeps the answer in `http`, and so does HTTPError. */
function answerIn(error: unknown): PlatformAnswer | null {
  if (!(error instanceof Error)) return null
  // The client has its own words for a refused HEROKU_API_KEY, and no status.
  if (error.message.includes('HEROKU_API_KEY is invalid')) return {status: 401, headers: {}, body: {id: 'unauthorized', message: error.message}}
  let http = 'http' in error ? error.http : null
  if (typeof http === 'object' && http !== null && 'http' in http) ({http} = http)
  if (typeof http !== 'object' || http === null || !('statusCode' in http) || typeof http.statusCode !== 'number') return null
  const headers = 'headers' in http && typeof http.headers === 'object' && http.headers !== null ? {...http.headers} : {}
  return {status: http.statusCode, headers: flatten(headers), body: 'body' in http ? http.body : null}
}

async function sendOnce(heroku: APIClient, path: string, body: unknown, headers: Record<string, string>): Promise<PlatformAnswer> {
  const response = await fetch(new URL(path, vars.apiUrl), {
    method: 'POST',
    headers: {...headers, ...environmentHeaders(), 'content-type': 'application/json', authorization: `Bearer ${await heroku.getAuth() ?? ''}`},
    body: JSON.stringify(body ?? {}),
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  const text = await response.text()
  return {status: response.status, headers: Object.fromEntries(response.headers), body: parseIfJson(text)}
}

/** As the CLI's client has it. */
function environmentHeaders(): Record<string, string> {
  return JSON.parse(process.env['HEROKU_HEADERS'] || '{}') as Record<string, string>
}

function parseIfJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A proxy's page, or nothing: the status says what there is to say.
    return text
  }
}

function flatten(headers: object): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]: [string, unknown]) =>
    [name.toLowerCase(), Array.isArray(value) ? value.join(', ') : typeof value === 'string' ? value : undefined]))
}
