import {build} from 'esbuild'
import {execFile, execFileSync} from 'node:child_process'
import fs from 'node:fs'
import {promisify} from 'node:util'
import {dynoBundle, textOf} from '../scripts/dyno-bundle.ts'
import {parseRegistrations} from '../src/dyno/build/closure.ts'
import {wantedOf} from '../src/lib/restore/find-paths.ts'
import {formatPublicKey, formatSecretKey, makeSecretKey} from '../src/lib/signing/nix-key.ts'
import {removeTree} from '../src/lib/view/remove.ts'
import {nixArchive} from '../test/dyno/engine/support/installed.ts'
import {atLeast, CannotMeasure, median, medianRatio, medians, milliseconds, type Benchmark, type BenchContext, type Result} from './bench.ts'
import {startBenchBucket, type BenchBucket} from './support/bench-bucket.ts'
import {peakDisk} from './support/peak-disk.ts'
import {installNativeNix, nativeNix, type NativeNix} from './support/native-nix.ts'
import {download, exportPaths, importPaths, upload} from './support/older-way.ts'
import type {RestoreFigures, RestoreOrder} from './support/restore-closure.ts'
import type {SaveOrder} from './support/save-closure.ts'
import {describeProot} from './support/served.ts'
import {yesodClosure, type YesodClosure} from './support/yesod.ts'

const ROUNDS = 3
/** Programs, their libraries and the app itself, as the older buildpack's README shows it. */
const RULES = '+ store/**/\n+ store/*-user-environment/**\n+ store/*-nix-1*/**\n+ *[._]so*\n+ store/*my-awesome-app*/**\n- store/**\n'
const MEMORY = 300e6
const GOALS = [
  'the older way\'s time, under PRoot as it ran on Heroku, divided by ours, keeping everything',
  'the same, pruned by the older README\'s example',
  'the time of zstd | sha256sum | tar x of the same bytes divided by ours', '300 MB of memory divided by the most that ours took',
  '1.05 × the disk that is kept divided by the most that ours took',
] as const
const LEAST = [2.5, 5, 1, 1, 1] as const
const KEY = makeSecretKey('bench-1', Buffer.alloc(32, 7))
const EXPORTED = 'closure.export'

/** Restoring a run-time closure without Nix, against the older way and against the pipe that is the least one could do. */
const restore: Benchmark = {
  name: 'restore',
  description: 'restoring a closure of 1.4 GB out of the bucket, whole and pruned, against nix-store --import and against zstd | tar',
  goals: GOALS.map((goal, n) => `${goal}: at least ${LEAST[n]}`),
  run,
}

export default restore

async function run(context: BenchContext): Promise<Result> {
  const {scratch, say} = context
  const archive = nixArchive()
  if (archive === null) throw new CannotMeasure('There is no Nix archive in .cache/. Try: bin/setup --bench')
  const closure = await yesodClosure(context)
  const result = await closure.build('first')
  const paths = (await closure.native.run('nix-store', ['--query', '--requisites', result])).trim().split('\n')
  // As the dyno that built it puts it into the build's record.
  const wanted = wantedOf(parseRegistrations(await closure.native.run('nix-store', ['--dump-db', ...paths]), result).paths)
  const proot = describeProot()
  if (proot === null) throw new CannotMeasure('There is no proot to compare with. Try: bin/setup --bench')
  await using server = await startBenchBucket(context)
  const program = `${scratch}/restore-closure.mjs`
  await bundleRestore(program)
  say('filling it')
  await fill(context, server, closure, paths)

  const rounds: Record<string, number>[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    const figures = {
      ...await ours(context, server, {program, paths: wanted, rules: null, what: 'everything'}),
      ...await pipe(scratch),
      ...await ours(context, server, {program, paths: wanted, rules: RULES, what: 'pruned'}),
      ...await older(context, server, {archive, paths, proot: false}),
      ...await older(context, server, {archive, paths, proot: true}),
    }
    say(`round ${round} of ${ROUNDS}: ${Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(value < 10 ? 3 : 0)}`).join('; ')}`)
    rounds.push(figures)
  }

  const most = (...names: string[]) => Math.max(...names.map(name => median(rounds.map(figures => figures[name] ?? Number.NaN))))
  const ratios = [
    medianRatio(rounds, 'older way: everything, ms', 'everything, ms'), medianRatio(rounds, 'older way: pruned, ms', 'pruned, ms'),
    medianRatio(rounds, 'zstd | tar, ms', 'everything, ms'), MEMORY / (most('everything, memory MB', 'pruned, memory MB') * 1e6),
    1.05 / most('everything, disk at most / kept', 'pruned, disk at most / kept'),
  ]
  return {
    compared: {
      'closure': `${paths.length} paths: ${closure.origin}`,
      'ours': 'src/lib/restore in one process, from the list of paths in a build\'s record to the last file: found, downloaded, verified, relocated, pruned, written',
      'older way': `curl --output of one nix-store --export; nix-store --import into a store that lacks it, under ${proot}; rsync -a to the target, for the second with --exclude-from of ${JSON.stringify(RULES)}`,
      'older way without PRoot': 'the same by Nix under a real /nix, as no dyno has it',
      'zstd | tar': 'zstd -dc | tee >(sha256sum) | tar x of what ours made, compressed at level 1 as NARs are, from the page cache: no download, no relocating',
      'server': server.origin,
    },
    rounds, medians: medians(rounds),
    ratios: {
      ...Object.fromEntries(GOALS.map((goal, n) => [goal, ratios[n] ?? Number.NaN])),
      'without PRoot, everything': medianRatio(rounds, 'older way without PRoot: everything, ms', 'everything, ms'),
      'without PRoot, pruned': medianRatio(rounds, 'older way without PRoot: pruned, ms', 'pruned, ms'),
    },
    goals: GOALS.map((goal, n) => atLeast(`${goal}: at least ${LEAST[n]}`, ratios[n] ?? Number.NaN, LEAST[n] ?? 0)),
  }
}

/** Puts the closure into the bucket, as our builds do and as the older buildpack's did. */
async function fill({scratch}: BenchContext, {config}: BenchBucket, {native}: YesodClosure, paths: string[]): Promise<void> {
  const {secret, ...rest} = config
  const order: SaveOrder = {config: rest, nix: native.nix, paths, built: paths, scratch: fs.mkdtempSync(`${scratch}/save-`)}
  await inProcess(`${import.meta.dirname}/support/save-closure.ts`, order, {NIX_S3_SECRET: secret, NIX_SIGNING_KEY: formatSecretKey(KEY)})
  const file = `${scratch}/${EXPORTED}`
  await exportPaths(native, paths, file)
  await upload(config, file, EXPORTED)
  fs.rmSync(file)
}

async function ours(
  {scratch}: BenchContext, {config}: BenchBucket, {program, paths, rules, what}: Pick<RestoreOrder, 'paths' | 'rules'> & {program: string; what: string},
): Promise<Record<string, number>> {
  const folder = `${scratch}/${what}`
  settle(folder)
  const {secret, ...rest} = config
  const order: RestoreOrder = {config: rest, key: formatPublicKey(KEY.publicKey), paths, rules, folder}
  const disk = peakDisk(scratch)
  const {ms, cpu, memory, files, bytes} = await inProcess(program, order, {NIX_S3_SECRET: secret}) as RestoreFigures
  const most = disk.end()
  return {
    [`${what}, ms`]: ms, [`${what}, CPU ms of ours`]: (cpu.user + cpu.system) / 1000, [`${what}, memory MB`]: memory / 1e6, [`${what}, files`]: files, [`${what}, MB`]: bytes / 1e6,
    [`${what}, disk at most / kept`]: most / diskOf(folder),
  }
}

async function older(
  {scratch}: BenchContext, {config}: BenchBucket, {archive, paths, proot}: {archive: string; paths: readonly string[]; proot: boolean},
): Promise<Record<string, number>> {
  const file = `${scratch}/${EXPORTED}`
  const root = `${scratch}/older`
  installNativeNix(archive, root)
  const native = nativeNix(root, {proot})
  settle(`${scratch}/rsynced`)
  const imported = await milliseconds(async () => {
    await download(config, EXPORTED, file)
    await importPaths(native, file)
  })
  fs.rmSync(file)
  const list = `${scratch}/paths`
  fs.writeFileSync(list, paths.map(path => `${path.slice('/nix/'.length)}\n`).join(''))
  fs.writeFileSync(`${scratch}/rules`, RULES)
  const whole = await milliseconds(() => rsync(native, list, `${scratch}/rsynced`))
  settle(`${scratch}/rsynced`)
  const pruned = await milliseconds(() => rsync(native, list, `${scratch}/rsynced`, `--exclude-from=${scratch}/rules`))
  removeTree(root)
  settle(`${scratch}/rsynced`)
  const way = proot ? 'older way' : 'older way without PRoot'
  return {[`${way}: download and import, ms`]: imported, [`${way}: everything, ms`]: imported + whole, [`${way}: pruned, ms`]: imported + pruned}
}

async function rsync({nix}: NativeNix, list: string, target: string, ...rules: string[]): Promise<void> {
  await promisify(execFile)('rsync', ['--archive', '--recursive', `--files-from=${list}`, ...rules, `${nix}/`, `${target}/`])
}

/** The least that unpacking verified bytes takes, by the programs that are made for it. */
async function pipe(scratch: string): Promise<Record<string, number>> {
  const file = `${scratch}/kept.tar.zst`
  if (!fs.existsSync(file)) await bash('tar -cf - -C "$1" . | zstd -1 -q -o "$2"', `${scratch}/everything`, file)
  const target = `${scratch}/unpacked`
  settle(target)
  fs.mkdirSync(target)
  const ms = await milliseconds(() => bash('zstd -dc "$1" | tee >(sha256sum >"$3") | tar -xf - -C "$2"', file, target, `${scratch}/sum`))
  settle(target)
  return {'zstd | tar, ms': ms}
}

/** The folder goes, and what is written so far is on the disk: nobody's time has another's writing in it. */
function settle(folder: string): void {
  removeTree(folder)
  execFileSync('sync')
}

function diskOf(folder: string): number {
  return Number(execFileSync('du', ['--summarize', '--block-size=1', folder], {encoding: 'utf8'}).split('\t')[0])
}

async function bash(script: string, ...args: string[]): Promise<void> {
  await promisify(execFile)('bash', ['-c', `set -o pipefail; ${script}`, 'bash', ...args])
}

/** As what goes to dynos is made: one file without types. */
async function bundleRestore(outfile: string): Promise<void> {
  const {define, ...options} = await dynoBundle()
  const thread = await textOf('src/lib/restore/restore-thread.ts')
  await build({...options, entryPoints: [`${import.meta.dirname}/support/restore-closure.ts`], outfile, define: {...define, RESTORE_THREAD_PROGRAM: JSON.stringify(thread)}})
}

async function inProcess(program: string, order: unknown, env: Readonly<Record<string, string>>): Promise<unknown> {
  const {stdout} = await promisify(execFile)(process.execPath, [program, JSON.stringify(order)], {env: {...process.env, ...env}})
  return JSON.parse(stdout)
}
