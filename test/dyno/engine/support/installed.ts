import {build} from 'esbuild'
import fs from 'node:fs'
import path from 'node:path'
import {nixCommand, type InstalledNix, type NixProgram} from '../../../../src/dyno/engine/nix-command.ts'
import {dynoBundle, externalBuilderProgram} from '../../../../scripts/dyno-bundle.ts'
import {makeJail, type Jail, type Ran, type RunOptions} from './jail.ts'

/** A jail in which Nix is installed as on a dyno. */
export interface EngineJail extends Jail {
  installed: InstalledNix
  /** Node, the engine and the archive: what every program inside may need */
  toolboxFiles: Readonly<Record<string, string>>
  nix: (program: NixProgram, args: readonly string[], options?: RunOptions) => Promise<Ran>
  /** Runs a subcommand of engine-main.ts. */
  engine: (args: readonly string[], options?: RunOptions) => Promise<Ran>
}

const ROOT = path.resolve(import.meta.dirname, '../../../..')

/** The official-layout archive that `bin/setup` keeps, or what NIX_ARCHIVE names; null where there is none. */
export function nixArchive(): string | null {
  const named = process.env['NIX_ARCHIVE']
  if (named !== undefined) return named
  const cache = `${ROOT}/.cache`
  const found = fs.existsSync(cache) ? fs.globSync('**/nix-*-x86_64-linux.tar.xz', {cwd: cache}) : []
  return found[0] === undefined ? null : `${cache}/${found[0]}`
}

/** Installs `archive` in a fresh jail; `settings` are added to nix.conf. */
export async function installInJail(archive: string, settings: Readonly<Record<string, string>> = {}): Promise<EngineJail> {
  const jail = makeJail()
  const toolbox = `${path.dirname(jail.app)}/toolbox`
  fs.mkdirSync(toolbox)
  await build({...await dynoBundle(), entryPoints: [`${import.meta.dirname}/engine-main.ts`], outfile: `${toolbox}/dyno.mjs`})
  fs.writeFileSync(`${toolbox}/external-builder.mjs`, await externalBuilderProgram())
  const programs = ['dyno.mjs', 'external-builder.mjs'].map(name => [`${toolbox}/${name}`, `/toolbox/${name}`] as const)
  const files = {[fs.realpathSync(process.execPath)]: '/toolbox/node', ...Object.fromEntries(programs), [archive]: '/toolbox/nix.tar.xz'}
  const withToolbox = (options: RunOptions = {}): RunOptions => ({...options, files: {...files, ...options.files}})
  const engine: EngineJail['engine'] = (args, options) => jail.run(['/toolbox/node', '/toolbox/dyno.mjs', ...args], withToolbox(options))
  const install = await engine(['install', '/toolbox/nix.tar.xz', JSON.stringify(settings)])
  if (install.status !== 0) throw new Error(`installing Nix failed: ${install.stderr}`)
  const installed = JSON.parse(install.stdout) as InstalledNix
  return {
    ...jail,
    installed,
    toolboxFiles: files,
    engine,
    nix(program, args, options = {}) {
      const {file, args: argv, env} = nixCommand(installed, program, args, options.env)
      return jail.run([file, ...argv], withToolbox({...options, env}))
    },
  }
}
