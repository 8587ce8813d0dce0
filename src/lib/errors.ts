/** Exit codes, one table: what a script can tell apart. Shown in help and in docs/exit-codes.md. */
export const EXIT = {
  /** A bug of ours, or a failure nobody foresaw. */
  unexpected: 1,
  /** A flag or argument that makes no sense (oclif's own code for it). */
  usage: 2,
  /** The app or the bucket is not set up for builds, or what it is set to does not work. */
  setup: 3,
  /** The project itself: nothing to build in it, no Git repository, a Procfile that names nothing. */
  project: 4,
  /** nix-build ran and failed. */
  buildFailed: 5,
  /** The dyno ended before the build did. */
  buildLost: 6,
  /** Heroku refused: permission, plan, limit, kind of app. */
  refused: 7,
  /** Heroku or the bucket did not answer as it should: 429, 5xx, a broken connection. */
  unavailable: 8,
  /** The slug cannot be released: too large, would break, not allowed. */
  slug: 9,
  /** A digest or a signature is wrong. */
  verification: 10,
  /** Asked, and the answer was no. */
  declined: 11,
  /** nix:slugexclude:check: what is kept needs what is dropped. */
  wouldBreak: 12,
  /** nix:slugexclude:check: the slug will be larger than Heroku takes. */
  tooLarge: 13,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/**
 * A failure the user can act on: what happened, a stable code, the exit code, and what to type next.
 * oclif prints `message`, `code`, `suggestions` and `ref`; nothing here knows oclif.
 */
export class NixError extends Error {
  readonly code: string
  readonly exitCode: ExitCode
  readonly suggestions: readonly string[]
  /** oclif reads `oclif.exit` in human mode and `exitCode` in `--json` mode; both must agree. */
  readonly oclif: {exit: ExitCode}

  constructor(
    message: string,
    {code, exit, suggestions = [], cause}: {code: string; exit: ExitCode; suggestions?: readonly string[]; cause?: unknown},
  ) {
    super(message, cause === undefined ? undefined : {cause})
    this.name = 'NixError'
    this.code = code
    this.exitCode = exit
    this.suggestions = suggestions
    this.oclif = {exit}
  }
}
