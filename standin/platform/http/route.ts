import type {IncomingMessage, ServerResponse} from 'node:http'

/** One request that passed authentication, with its JSON body. */
export interface Call {
  params: Readonly<Record<string, string>>
  query: URLSearchParams
  /** `{}` where the request had none */
  body: unknown
  headers: IncomingMessage['headers']
}

export interface Answer {
  status: number
  body: unknown
  headers?: Readonly<Record<string, string>>
}

/** `{name}` in a pattern stands for one segment of the path. */
export interface Route {
  method: string
  pattern: string
  handle(call: Call): Answer | Promise<Answer>
}

/** A request that is not JSON of the API: a slug's bytes, a log, a stream. It checks its own signature, and has answered by itself where it returns null. */
export interface RawRoute {
  method: string
  pattern: string
  handle(call: {params: Readonly<Record<string, string>>; url: URL; request: IncomingMessage; response: ServerResponse}): Answer | null | Promise<Answer | null>
}

export function ok(body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return {status: 200, body, headers}
}

export function created(body: unknown): Answer {
  return {status: 201, body}
}

/** What Heroku answers when the work goes on after the answer. */
export function accepted(): Answer {
  return {status: 202, body: {}}
}

/** The parameters of a path that fits the pattern, else null. */
export function matchPattern(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/')
  const given = path.split('/')
  if (wanted.length !== given.length) return null

  const params: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? ''
    if (part.startsWith('{')) {
      const decoded = decode(value)
      if (!decoded) return null
      params[part.slice(1, -1)] = decoded
    } else if (part !== value) {
      return null
    }
  }

  return params
}

/** The first route that fits, and its parameters. */
export function findRoute<R extends {method: string; pattern: string}>(
  routes: readonly R[], method: string, path: string,
): {route: R; params: Record<string, string>} | null {
  for (const route of routes) {
    const params = route.method === method ? matchPattern(route.pattern, path) : null
    if (params) return {route, params}
  }

  return null
}

function decode(segment: string): string | null {
  try {
    return decodeURIComponent(segment)
  } catch {
    // Not percent-encoding: no route can mean it.
    return null
  }
}
