// nix:slugexclude:check in a process of its own, for tests that look at its exit status.
import {Config} from '@oclif/core'
import path from 'node:path'
import NixSlugexcludeCheck from '../../src/commands/nix/slugexclude/check.ts'

try {
  await NixSlugexcludeCheck.run(process.argv.slice(2), await Config.load(path.resolve(import.meta.dirname, '../..')))
} catch (error) {
  const {code, message, oclif} = error as {code?: string; message?: string; oclif?: {exit?: number}}
  console.error(code, message)
  process.exitCode = oclif?.exit ?? 1
}
