import fs from 'node:fs'
import {baseNameOf} from '../../lib/nix/store-path.ts'
import {kindAt} from '../../lib/view/entry.ts'
import type {Trees} from '../../lib/view/view.ts'
import {closeInherited} from './close-inherited.ts'
import {buildFolderName, builderFiles, relocateFiles, takeFolder} from './build-folder.ts'
import {parseBuildJson, type BuildJson} from './build-json.ts'
import {builderCommand, type BuilderCommand} from './builder-environment.ts'
import {kindOfDerivation, missingFeatures} from './derivation-kind.ts'
import {areFinal} from './final-outputs.ts'
import {LAYOUT, TREES} from './layout.ts'
import {deriveOutputs, removeOutputs} from './outputs.ts'
import {relocate} from './relocate.ts'
import {runBuilder, type BuilderEnd} from './run-builder.ts'
import {scanOutputs} from './scan-outputs.ts'
import {ABANDONED, endProcesses} from './processes.ts'
import {cleanUpAbandoned} from './watchdog.ts'
import {sayNowAndThen} from './say-now-and-then.ts'
import {readBuilderSettings, type BuilderSettings} from './settings.ts'
import {forgetTaints} from './taints.ts'

/** Nix takes what follows this line on standard error as the build's log, and fails without it. */
const READY = '\u0002\n'

/**
 * What Nix starts for each derivation: builds it in the view and derives its canonical outputs. `argv`: the settings' file,
 * then build.json's path, which Nix adds. Ends the process with the builder's own status.
 */
export async function runExternalBuilder(argv: readonly string[]): Promise<never> {
  if (argv[0] === ABANDONED) {
    cleanUpAbandoned(argv.slice(1))
    process.exit(0)
  }

  fs.writeSync(2, READY)
  closeInherited()
  try {
    const [settingsFile, buildJson, ...others] = argv
    if (settingsFile === undefined || buildJson === undefined || others.length > 0) throw new Error('external-builder takes the settings\' file and build.json')
    const job = parseBuildJson(fs.readFileSync(buildJson, 'utf8'))
    endLike(await buildDerivation(job, readBuilderSettings(settingsFile, process.env), TREES), job.builder)
  } catch (error) {
    log(`error: ${error instanceof Error ? error.message : String(error)}`)
    process.exit(1)
  }
}

/** Does all that lies between build.json and canonical outputs. Outputs of a failed builder are gone from both trees. */
async function buildDerivation(job: BuildJson, settings: BuilderSettings, trees: Trees): Promise<BuilderEnd> {
  const files = builderFiles(job.tmpDir)
  const attributes = parseAttributes(files)
  const missing = missingFeatures(job, attributes, settings.systemFeatures)
  if (missing.length > 0) throw new Error(`this derivation needs the system feature ${missing.join(', ')}, which this dyno lacks`)

  const inputs = job.inputPaths.map(baseNameOf)
  const outputs = Object.values(job.outputs).map(baseNameOf)
  relocate(inputs, sayNowAndThen('relocating the inputs', log))
  const folder = `${LAYOUT.builds}/${buildFolderName(job, files)}`
  // Of a build whose Nix was killed a moment ago, what it left would write into these outputs, or end this build.
  if (kindAt(folder) !== null) endProcesses({folder, pipe: null})
  removeOutputs(trees, outputs)
  forgetTaints(outputs)
  const {giveBack} = takeFolder(job.tmpDir, folder)
  try {
    relocateFiles(folder)
    const end = await build(job, builderCommand(job, folder), folder, settings)
    if (end.kind === 'ended' && end.status === 0) {
      const kind = kindOfDerivation(job, () => areFinal(LAYOUT.database, outputs))
      const containers = deriveOutputs(trees, outputs, {kind, inputs, onProgress: sayNowAndThen('mapping the outputs back', log)})
      await scanOutputs(trees, containers, {kind, log, onProgress: sayNowAndThen('searching the outputs', log)})
    } else removeOutputs(trees, outputs)
    giveBack()
    return end
  } catch (error) {
    removeOutputs(trees, outputs)
    giveBack()
    throw error
  }
}

async function build(job: BuildJson, command: BuilderCommand, folder: string, settings: BuilderSettings): Promise<BuilderEnd> {
  if (!job.builder.startsWith('builtin:')) return runBuilder(command, folder, `${job.topTmpDir}/log`)
  const {runBuiltin} = await import('./builtin/run-builtin.ts')
  const out = command.env['out']
  if (out === undefined) throw new Error(`${job.builder} requires an 'out' output`)
  await runBuiltin(job.builder, {env: command.env, out, folder, settings, log})
  return {kind: 'ended', status: 0}
}

function parseAttributes(files: readonly {name: string; content: Buffer}[]): Record<string, unknown> | null {
  const file = files.find(({name}) => name === '.attrs.json')
  return file ? JSON.parse(file.content.toString()) as Record<string, unknown> : null
}

function endLike(end: BuilderEnd, builder: string): never {
  switch (end.kind) {
    case 'ended': {
      process.exit(end.status)
      break
    }

    case 'killed': {
      process.kill(process.pid, end.signal)
      // A signal that does not end this process must not look like success.
      process.exit(1)
      break
    }

    case 'not-started': {
      throw new Error(`executing '${builder}': ${end.reason}`)
    }

  }
}

function log(line: string): void {
  fs.writeSync(2, `${line}\n`)
}
