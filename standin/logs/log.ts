/** One line of an app's log. */
export interface LogLine {
  /** counts up from 1 in each app's log */
  id: number
  at: Date
  source: 'app' | 'heroku'
  /** `web.1`, `router`, `api` */
  dyno: string
  message: string
}

/** What Logplex keeps of a log. devcenter.heroku.com/articles/logging#log-history-limits */
const CAPACITY = 1500
/** Logplex splits longer lines. */
const LONGEST_LINE = 10_000

/** An app's log: its newest lines, and whoever follows them. */
export class Log {
  #lines: LogLine[] = []
  #next = 1
  readonly #followers = new Set<(line: LogLine) => void>()
  readonly #now: () => Date

  constructor(now: () => Date) {
    this.#now = now
  }

  add(source: LogLine['source'], dyno: string, message: string): void {
    for (let start = 0; start === 0 || start < message.length; start += LONGEST_LINE) {
      const line = {id: this.#next++, at: this.#now(), source, dyno, message: message.slice(start, start + LONGEST_LINE)}
      this.#lines.push(line)
      if (this.#lines.length > CAPACITY) this.#lines.shift()
      for (const follower of this.#followers) follower(line)
    }
  }

  /** The newest lines that fit, oldest first. */
  last(count: number, filter: LogFilter): LogLine[] {
    return count === 0 ? [] : this.#lines.filter(line => isIn(line, filter)).slice(-count)
  }

  /** @returns stops following */
  follow(filter: LogFilter, listener: (line: LogLine) => void): () => void {
    const follower = (line: LogLine) => isIn(line, filter) && listener(line)
    this.#followers.add(follower)
    return () => this.#followers.delete(follower)
  }
}

export interface LogFilter {
  source: string | null
  /** a dyno's name or type */
  dyno: string | null
}

/** `2026-11-23T09:00:00.000000+00:00 app[web.1]: …` */
export function formatLine({at, source, dyno, message}: LogLine): string {
  return `${at.toISOString().replace('Z', '000+00:00')} ${source}[${dyno}]: ${message}`
}

function isIn(line: LogLine, {source, dyno}: LogFilter): boolean {
  return (source === null || line.source === source) && (dyno === null || line.dyno === dyno || line.dyno.startsWith(`${dyno}.`))
}
