export const REQUESTS_PER_HOUR = 4500

/** Heroku's bucket of requests: 4500, refilled by 75 a minute. devcenter.heroku.com/articles/platform-api-reference#rate-limits */
export class RateLimit {
  #tokens = REQUESTS_PER_HOUR
  #at: number
  readonly #now: () => Date

  constructor(now: () => Date) {
    this.#now = now
    this.#at = now().getTime()
  }

  get remaining(): number {
    this.#refill()
    return Math.floor(this.#tokens)
  }

  set remaining(value: number) {
    this.#refill()
    this.#tokens = value
  }

  /** Counts a request; false when there was none left. */
  take(): boolean {
    if (this.remaining < 1) return false
    this.#tokens -= 1
    return true
  }

  #refill(): void {
    const at = this.#now().getTime()
    this.#tokens = Math.min(REQUESTS_PER_HOUR, this.#tokens + ((at - this.#at) / 3_600_000) * REQUESTS_PER_HOUR)
    this.#at = at
  }
}
