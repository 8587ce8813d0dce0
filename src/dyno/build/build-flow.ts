import parseArgv from 'string-argv'
import type {Bucket} from '../../lib/bucket/bucket.ts'
import {keys} from '../../lib/bucket/keys.ts'
import {requireOrderedSource} from '../../lib/build/ordered-source.ts'
import {MAX_LEFT_PATHS, type BuildSource, type LeftPath, type Outcome, type RunningBuild} from '../../lib/build/record.ts'
import type {NixConfig} from '../../lib/config-vars.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import {publishLayer} from '../../lib/layers/publish-layer.ts'
import {baseNameOf} from '../../lib/nix/store-path.ts'
import {formatBytes} from '../../lib/output/units.ts'
import {describeUnrewritten} from '../../lib/scan/describe.ts'
import {parseSecretKey} from '../../lib/signing/nix-key.ts'
import type {BuildTarget} from '../../lib/source/build-target.ts'
import {toolOf, type PinnedTool, type ToolsLock} from '../../lib/tools/lock.ts'
import {chooseEngine, type Engine} from '../engine/choose-engine.ts'
import {clearOldStore} from '../engine/clear-old-store.ts'
import {installNix} from '../engine/install-nix.ts'
import {jobsAndCores} from '../engine/jobs-and-cores.ts'
import {LAYOUT} from '../engine/layout.ts'
import {nixCommand, type InstalledNix, type NixProgram} from '../engine/nix-command.ts'
import {withFlags, type BuilderSettings} from '../engine/settings.ts'
import {readTaints} from '../engine/taints.ts'
import {probeDyno, probeRecord, type Probe} from '../engine/probe.ts'
import {relocate} from '../engine/relocate.ts'
import {systemsOf} from '../engine/systems.ts'
import {startClosureCache, type SavedPath} from '../cache/closure-cache.ts'
import {saveSummary} from '../cache/summary.ts'
import {parseRegistrations, type Closure} from './closure.ts'
import {despiteHangups} from './despite-hangups.ts'
import {fetchTool} from './fetch-tool.ts'
import {BUILD_LAYOUT} from './layout.ts'
import {makeLayer} from './make-layer.ts'
import {nixBuildArguments} from './nix-build-arguments.ts'
import {LogEnd, nixBuildFailed} from './nix-build-failed.ts'
import type {Output} from './output.ts'
import {findPrograms} from './programs.ts'
import {findTarget} from './project.ts'
import {runProgram} from './run-program.ts'
import {substituterArguments, substituterSettings, type Substituters} from './substituters.ts'
import {plural} from '../../lib/output/plural.ts'
import {unpackSource} from './unpack-source.ts'

/** Where NIX_BUILD_FLAGS says nothing else. */
const BUILDER: BuilderSettings = {
  systemFeatures: ['benchmark', 'big-parallel'], hashedMirrors: [], netrcFile: null, caFile: '/etc/ssl/certs/ca-certificates.crt',
}

export interface BuildInput {
  record: RunningBuild
  /** what was ordered by POST /dynos */
  source: BuildSource
  config: NixConfig
  lock: ToolsLock<PinnedTool>
  /** times that the terminal was lost so far */
  hangups: {readonly count: number}
  /** keeps tools for later runs; null: none does */
  toolsFolder: string | null
  /** NIX_VERSION; null: the toolbox's */
  nixVersion: string | null
  /** NIX_PATH; empty: Nix looks nowhere */
  nixPath: string
  bucket: Bucket
  output: Output
  signal: AbortSignal
  wait: (ms: number) => Promise<void>
}

/** Everything between a claimed record and a finished one: what lies in the bucket afterwards is whole. */
export async function buildProject(input: BuildInput): Promise<Outcome> {
  const {record, config, bucket, output, signal} = input
  requireSameFlags(record, config)
  requireOrderedSource(record.id, record.source, input.source)
  const {probe, engine} = await chooseHow(input)

  await output.step('Fetching source')
  await fetchSource(input)
  const target = findTarget(BUILD_LAYOUT.source, config.buildFlags)

  const {result, closure} = await buildWithCache(input, target, probe)

  await output.step('Making the layer')
  relocate(closure.paths.map(path => baseNameOf(path.path)))
  const made = await makeLayer({
    view: LAYOUT.view, closure: closure.paths, result, engine, signal,
    slugexclude: `${BUILD_LAYOUT.source}/.slugexclude`, layerFile: BUILD_LAYOUT.layer, listingFile: BUILD_LAYOUT.listing,
  })
  await output.say(`${plural(closure.paths.length, 'store path')}, ${formatBytes(made.layer.unpackedSize)}, compressed ${formatBytes(made.layer.size)}`)
  for (const warning of [describeUnrewritten(made.unrewritten), ...made.notScanned]) if (warning !== null) await output.warn(warning)

  const listing = {key: keys.listing(config.appName, record.id), ...made.listing}
  await output.step('Uploading the layer')
  signal.throwIfAborted()
  const published = await publishLayer(bucket, made.layer, {file: BUILD_LAYOUT.layer, key: parseSecretKey(config.signingKey)})
  if (published.kind === 'there') await output.say('The bucket has this layer already')
  if (published.kind === 'mended') await output.warn(`The bucket had something else as ${made.layer.key}; the layer is in its place now.`)

  await bucket.put(listing.key, {file: BUILD_LAYOUT.listing}, {contentType: 'application/gzip'})
  signal.throwIfAborted()
  return {
    engine, probe: probeRecord(probe), result, drvPath: closure.drvPath, closure: closure.paths,
    layer: published.layer, listing, programs: await findPrograms(`${LAYOUT.view}/${baseNameOf(result)}`),
    ...left('tainted', readTaints().places), ...left('unrewritten', made.unrewritten),
  }
}

/** A record has the field only where there is something in it. */
function left(field: 'tainted' | 'unrewritten', places: LeftPath[]): Pick<Outcome, 'tainted' | 'unrewritten'> {
  return places.length === 0 ? {} : {[field]: places.slice(0, MAX_LEFT_PATHS)}
}

/**
 * What nix-build is told comes from the config var: whoever can write to the bucket must not be able to choose it. That the
 * record has the same makes it the record of this build.
 */
function requireSameFlags({buildFlags}: RunningBuild, config: NixConfig): void {
  if (buildFlags !== config.buildFlags) {
    throw new NixError(`NIX_BUILD_FLAGS is "${config.buildFlags}", and this build was ordered with "${buildFlags}".`, {
      code: 'BUILD_FLAGS_CHANGED', exit: EXIT.verification, suggestions: ['heroku nix:build'],
    })
  }
}

async function chooseHow({config, output}: BuildInput): Promise<{probe: Probe; engine: Engine}> {
  const probe = await probeDyno()
  const engine = chooseEngine(probe, config.engine)
  await output.step(`Building with the ${engine} engine`)
  await output.say(`ptrace ${probe.ptrace}, user namespaces ${probe.userNamespaces}, ${plural(probe.processors, 'processor')}, ${formatBytes(probe.memory)} of memory`)
  return {probe, engine}
}

async function fetchSource({record, source, config, bucket, output}: BuildInput): Promise<void> {
  const key = keys.source(config.appName, source.tree)
  const object = await bucket.stream(key)
  if (!object) {
    throw new NixError(`The source of build ${record.id} is not in bucket ${bucket.name}: there is no ${key}.`, {
      code: 'NO_SOURCE', exit: EXIT.setup, suggestions: ['heroku nix:build'],
    })
  }

  const {files, bytes} = await unpackSource(object.body, BUILD_LAYOUT.source, source.sha256)
  const what = source.commit === null ? `tree ${source.tree.slice(0, 12)}` : `commit ${source.commit.slice(0, 12)}`
  await output.say(`${what}: ${plural(files, 'file')}, ${formatBytes(bytes)}`)
}

/** Runs Nix with the bucket as its cache. However that ends, what was built is saved, so that the next build starts from it. */
async function buildWithCache(input: BuildInput, target: BuildTarget, probe: Probe): Promise<{result: string; closure: Closure}> {
  const {config, bucket, output, signal, wait, hangups} = input
  const cache = await startClosureCache({
    bucket, wait, signal, key: parseSecretKey(config.signingKey), flags: parseArgv(config.buildFlags), upstream: config.cacheUpstream,
    folder: BUILD_LAYOUT.saving, hookFile: BUILD_LAYOUT.postBuildHook, canonical: LAYOUT.canonical, database: LAYOUT.database,
    report: text => void output.warn(text).catch(() => undefined),
    isTainted: baseName => Promise.resolve(config.cacheTainted === 'own' && readTaints().isTainted(baseName)),
  })
  try {
    const nix = await despiteHangups(hangups, () => {
      clearOldStore()
      return provideNix(input, probe, cache.substituters)
    })
    cache.watch()
    try {
      return await despiteHangups(hangups, () => build(input, target, nix, probe, cache.substituters))
    } finally {
      await concludeSaving(input, await cache.finish())
    }
  } finally {
    await cache.close()
  }
}

/** Says what came of the paths, and leaves a list of them, by which nix:cache:gc knows what the next build needs. */
async function concludeSaving({record, config, bucket, output}: BuildInput, results: readonly SavedPath[]): Promise<void> {
  await output.say(saveSummary(results, formatBytes)).catch(() => undefined)
  const names = results.filter(({kind}) => kind !== 'failed').map(({path}) => `${baseNameOf(path)}\n`).sort()
  try {
    await bucket.put(keys.paths(config.appName, record.id), Buffer.from(names.join('')), {contentType: 'text/plain'})
  } catch {
    // What is not listed is kept for two days in any case, and a bucket that cannot be written to is said by what follows.
  }
}

async function provideNix({config, lock, nixVersion, toolsFolder, bucket, output}: BuildInput, probe: Probe, substituters: Substituters): Promise<InstalledNix> {
  const tool = toolOf(lock, 'nix', nixVersion)
  await output.step(`Installing Nix ${tool.version}`)
  await fetchTool(bucket, tool, BUILD_LAYOUT.nixArchive, toolsFolder)
  return installNix({
    archive: BUILD_LAYOUT.nixArchive,
    conf: {
      externalBuilder: {program: BUILD_LAYOUT.node, args: [BUILD_LAYOUT.externalBuilder]},
      systems: systemsOf(probe),
      builder: withFlags(BUILDER, parseArgv(config.buildFlags), BUILD_LAYOUT.source),
      settings: substituterSettings(substituters),
    },
  })
}

async function build({config, nixPath, output, signal}: BuildInput, target: BuildTarget, nix: InstalledNix, probe: Probe, substituters: Substituters): Promise<{result: string; closure: Closure}> {
  const log = new LogEnd()
  const run = (program: NixProgram, args: readonly string[], capture: number) => runProgram(nixCommand(nix, program, args, {NIX_PATH: nixPath}), {
    cwd: BUILD_LAYOUT.source, signal, capture,
    onOutput(chunk) {
      log.take(chunk)
      return output.detail(chunk)
    },
  })
  const flags = config.buildFlags.trim()
  await output.step(`Running nix-build${target.kind === 'flake' ? ' of flake.nix' : ''}${flags === '' ? '' : ` ${flags}`}`)
  const end = await run('nix-build', [
    ...nixBuildArguments({target, ...jobsAndCores(probe), outLink: LAYOUT.result}), ...substituterArguments(substituters),
  ], 1024 * 1024)
  if (end.status !== 0) throw nixBuildFailed(end, log.text(), LAYOUT.canonical)

  const result = onlyResult(end.stdout.toString())
  await output.say(`Built ${result}`)
  const query = async (args: string[]) => {
    const {status, signal: killer, stdout} = await run('nix-store', args, 256 * 1024 * 1024)
    if (status !== 0) {
      throw new Error(`nix-store ${args[0] ?? ''} of ${result} ended with ${String(status ?? killer)}.`)
    }

    return stdout.toString()
  }

  const paths = (await query(['--query', '--requisites', result])).trim().split('\n')
  return {result, closure: parseRegistrations(await query(['--dump-db', ...paths]), result)}
}

/** nix-build prints one path for each attribute or output it was asked for. */
function onlyResult(printed: string): string {
  const results = [...new Set(printed.split('\n').filter(line => line !== ''))]
  const [result] = results
  if (result === undefined || results.length > 1) {
    throw new NixError(`nix-build gave ${results.length} results; a slug holds one.`, {
      code: 'NOT_ONE_RESULT', exit: EXIT.project,
      suggestions: ['heroku config:set NIX_BUILD_FLAGS="-A ATTRIBUTE", naming the one to deploy'],
    })
  }

  return result
}
