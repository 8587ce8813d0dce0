import {Log} from './log.ts'

/** The logs of all apps, by app id. */
export class Logs {
  readonly #logs = new Map<string, Log>()
  readonly #now: () => Date

  constructor(now: () => Date) {
    this.#now = now
  }

  of(app: {id: string}): Log {
    let log = this.#logs.get(app.id)
    if (!log) {
      log = new Log(this.#now)
      this.#logs.set(app.id, log)
    }

    return log
  }

  drop(app: {id: string}): void {
    this.#logs.delete(app.id)
  }
}
