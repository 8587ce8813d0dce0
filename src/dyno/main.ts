import {EXIT, NixError} from '../lib/errors.ts'
import {startBuild} from './build/start-build.ts'
import {startPushed} from './order/start-pushed.ts'
import {startSlug} from './order/start-slug.ts'
import {startPrunePushed} from './prune/start-prune-pushed.ts'
import {startPrune} from './prune/start-prune.ts'
import {startRelease} from './release/start-release.ts'

/** The program that runs on dynos: `dyno.mjs SUBCOMMAND ARGUMENTS…`. */
async function main([subcommand, ...args]: readonly string[]): Promise<void> {
  switch (subcommand) {
    case 'build':
      return startBuild(args[0] ?? '')
    case 'prune':
      return startPrune(args[0] ?? '')
    case 'prune-pushed':
      return startPrunePushed(args)
    case 'build-pushed':
      return startPushed(args[0] ?? '', args[1] ?? '', args[2] ?? '')
    case 'build-slug':
      return startSlug(args)
    case 'release':
      return startRelease(args[0] ?? '')
    default:
      throw new NixError(`dyno.mjs knows no subcommand "${subcommand ?? ''}".`, {code: 'USAGE', exit: EXIT.usage, suggestions: ['heroku nix:setup, which brings the newest']})
  }
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  // The message alone: a stack is nothing that a user could act on, and an object's fields might hold anything.
  const lines = error instanceof NixError ? [error.message, ...error.suggestions.map(text => `Try: ${text}`)] : [`A bug in heroku-nix: ${String(error)}`]
  process.stderr.write(lines.map(line => ` !     ${line}\n`).join(''))
  process.exitCode = error instanceof NixError ? error.exitCode : EXIT.unexpected
}
