/** `heroku run --exit-code` adds an echo of this to the command, and reads the exit status out of what comes back. */
const MARKER = '\uFFFF heroku-command-exit-status: '

/**
 * Gives the marker that a command owes: one that leaves its shell (`exit 3`) never comes to the CLI's echo, and the CLI
 * would fail without a word about the status.
 */
export class ExitMarker {
  readonly #owed: boolean
  readonly #wanted = Buffer.from(MARKER)
  #tail = Buffer.alloc(0)
  #seen = false

  constructor(command: string) {
    this.#owed = command.includes(MARKER)
  }

  /** Takes note of a chunk of the dyno's output. */
  watch(chunk: Buffer): void {
    if (!this.#owed || this.#seen) return
    const text = Buffer.concat([this.#tail, chunk])
    this.#seen = text.includes(this.#wanted)
    this.#tail = text.subarray(-this.#wanted.length)
  }

  /** What is to be sent when the dyno has ended. */
  missing(status: number): string {
    return this.#owed && !this.#seen ? `${MARKER}${status}\n` : ''
  }
}
