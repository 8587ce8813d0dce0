import type {UnsuccessfulBuild} from '../../lib/build/record.ts'
import {redactText} from '../../lib/build/redact.ts'
import {EXIT, NixError, type ExitCode} from '../../lib/errors.ts'

export interface DescribedFailure {
  state: 'failed' | 'interrupted'
  failure: UnsuccessfulBuild['failure']
  exit: ExitCode
}

/** What ended the dyno from outside: cycling, time_to_live, `heroku ps:stop`. */
export function interrupted(signal: 'SIGINT' | 'SIGTERM' = 'SIGTERM'): NixError {
  const by = signal === 'SIGINT' ? 'Ctrl-C' : 'its time limit, by `heroku ps:stop`, or by Heroku'
  return new NixError(`The dyno was told to stop (${signal}) before the build ended: by ${by}.`, {
    code: 'INTERRUPTED', exit: EXIT.buildLost, suggestions: ['heroku nix:build', 'heroku nix:build --timeout SECONDS, where it took too long'],
  })
}

/** What a record says of a failure. @param secrets never part of it */
export function describeFailure(error: unknown, secrets: readonly string[]): DescribedFailure {
  const {code, message, exit, suggestions} = error instanceof NixError
    ? {code: error.code, message: error.message, exit: error.exitCode, suggestions: [...error.suggestions]}
    : {
        code: 'UNEXPECTED', message: `A bug in heroku-nix, or a dyno that behaves unlike any other: ${error instanceof Error ? error.message : String(error)}`,
        exit: EXIT.unexpected, suggestions: ['report it with the log: heroku nix:build --follow ID'],
      }
  return {
    state: code === 'INTERRUPTED' ? 'interrupted' : 'failed',
    failure: {
      code, exitStatus: exitStatus(error),
      message: clean(redactText(message, secrets)).slice(0, 8000),
      suggestions: suggestions.map(text => clean(redactText(text, secrets)).replaceAll(/[\n\t]/g, ' ').slice(0, 500)),
    },
    exit,
  }
}

function exitStatus(error: unknown): number | null {
  const cause = error instanceof Error ? error.cause : null
  return typeof cause === 'object' && cause !== null && 'exitStatus' in cause && typeof cause.exitStatus === 'number' ? cause.exitStatus : null
}

/** A program's message may hold what moves a terminal's cursor; a record may not. */
function clean(text: string): string {
  return text.replaceAll(/(?![\n\t])\p{Cc}/gu, '')
}
