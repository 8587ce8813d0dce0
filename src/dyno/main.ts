import {EXIT, NixError} from '../lib/errors.ts'

/**
 * The program that runs on dynos: `dyno.mjs SUBCOMMAND ARGUMENTS…`. Each subcommand's code is loaded when it is asked
 * for, because Nix starts `external-builder` for every derivation.
 */
async function main([subcommand, ...args]: readonly string[]): Promise<void> {
  switch (subcommand) {
    case 'external-builder': {
      const {runExternalBuilder} = await import('./engine/external-builder.ts')
      return runExternalBuilder(args)
    }

    case 'build': {
      const {startBuild} = await import('./build/start-build.ts')
      return startBuild(args[0] ?? '')
    }

    default:
      throw new NixError(`dyno.mjs knows no subcommand "${subcommand ?? ''}".`, {code: 'USAGE', exit: EXIT.usage})
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
