/** One request as it came and what became of it; nothing in it opens a door. */
export interface JournalEntry {
  at: string
  method: string
  /** without the query, which may be a signature */
  path: string
  requestId: string
  userAgent: string | null
  /** JSON body; the values of config vars and of a dyno's `env` left out */
  body: unknown
  /** null when the connection was reset or broke before the answer */
  status: number | null
  outcome: 'answered' | 'broken' | 'reset' | 'stalled'
}

const CAPACITY = 20_000

/** The newest requests, so that a test can tell what was sent and what was not. */
export class Journal {
  #entries: JournalEntry[] = []

  get entries(): readonly JournalEntry[] {
    return this.#entries
  }

  add(entry: JournalEntry): void {
    this.#entries.push(entry)
    if (this.#entries.length > CAPACITY) this.#entries = this.#entries.slice(-CAPACITY / 2)
  }

  clear(): void {
    this.#entries = []
  }
}

/** The path with the secrets of streams and logs left out. */
export function redactPath(path: string): string {
  return path.replace(/^\/(logs|streams)\/[^/]+/, '/$1/…')
}

/** The body with every value that may be a secret replaced by `…`. */
export function redactBody(path: string, body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body
  if (path.endsWith('/config-vars')) return hideValues(body)
  return Object.fromEntries(Object.entries(body).map(([key, value]: [string, unknown]) => [key, key === 'env' ? hideValues(value) : key === 'source_blob' ? hideSignature(value) : value]))
}

/** A source's URL may be signed by its query. */
function hideSignature(blob: unknown): unknown {
  if (typeof blob !== 'object' || blob === null) return blob
  return Object.fromEntries(Object.entries(blob).map(([key, value]: [string, unknown]) => [key, typeof value === 'string' ? value.replace(/\?.*/s, '?…') : value]))
}

function hideValues(map: unknown): unknown {
  if (typeof map !== 'object' || map === null) return map
  return Object.fromEntries(Object.entries(map).map(([key, value]: [string, unknown]) => [key, value === null ? null : '…']))
}
