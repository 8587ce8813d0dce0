import {EXIT, NixError} from '../../lib/errors.ts'
import {findNotUtf8, isAboutUtf8} from './not-utf8.ts'
import type {ProgramEnd} from './run-program.ts'

/** How much of a log's end is kept to find out why Nix failed: it says so last. */
const KEPT_LOG = 16 * 1024
const MOST_NAMED = 20

/** Keeps the end of what a program says. */
export class LogEnd {
  #bytes = Buffer.alloc(0)

  take(chunk: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]).subarray(-KEPT_LOG)
  }

  text(): string {
    return this.#bytes.toString('latin1')
  }
}

/**
 * What to tell of a nix-build that failed; what Nix itself says well is in the log already.
 * @param log the end of what it said
 * @param store where its derivations lie
 */
export function nixBuildFailed({status, signal}: Pick<ProgramEnd, 'signal' | 'status'>, log: string, store: string): NixError {
  const failed = `nix-build failed${status === null ? `: it was ended by ${String(signal)}` : ` with exit status ${status}`}.`
  const {why, suggestions} = isAboutUtf8(log) ? aboutUtf8(store) : {why: '', suggestions: []}
  return new NixError(failed + why, {code: 'NIX_BUILD_FAILED', exit: EXIT.buildFailed, suggestions, cause: {exitStatus: status}})
}

function aboutUtf8(store: string): {why: string; suggestions: string[]} {
  const places = findNotUtf8(store).slice(0, MOST_NAMED)
  return {
    why: [' On a dyno, Nix can only build derivations whose attributes and arguments are UTF-8. These are not:', ...places].join('\n'),
    suggestions: ['passAsFile = [ "ATTRIBUTE" ]; in that derivation: it then gets the text in a file', 'pkgs.writeText, or a file of the source, in place of the text'],
  }
}
