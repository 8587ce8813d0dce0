import {build} from 'esbuild'
import {execFile} from 'node:child_process'
import fs from 'node:fs'
import {promisify} from 'node:util'
import {dynoBundle} from '../scripts/dyno-bundle.ts'
import {formatSecretKey, makeSecretKey} from '../src/lib/signing/nix-key.ts'
import {atLeast, atMost, CannotMeasure, medianRatio, medians, milliseconds, type Benchmark, type BenchContext, type Result} from './bench.ts'
import {startBenchBucket, type BenchBucket} from './support/bench-bucket.ts'
import type {SaveFigures, SaveOrder} from './support/save-closure.ts'
import {underProot, type NativeNix} from './support/native-nix.ts'
import {exportPaths, succeeds, upload} from './support/older-way.ts'
import {describeProot} from './support/served.ts'
import {smallStore} from '../test/dyno/cache/small-store.ts'
import {yesodClosure, type YesodClosure} from './support/yesod.ts'

const ROUNDS = 3
const GOALS = [
  'the older way\'s time for a first save, under PRoot as it ran on Heroku, divided by ours', 'the older way\'s bytes divided by ours, first save',
  'the older way\'s time after a one-file change, even without PRoot, divided by ours', 'the older way\'s bytes after a one-file change divided by ours',
] as const
const LEAST = [2, 2, 20, 100] as const
const MEMORY_GOAL = 'memory for a closure of 1.4 GB, and for one path of 1.5 GB that does not compress, MB: at most 300'
const MOST_MEMORY = 300

/** Saving a closure as a build's dyno does, against exporting it whole. */
const save: Benchmark = {
  name: 'save',
  description: 'saving a closure of 1.4 GB, whole and after a one-file change, against nix-store --export and one upload',
  goals: [...GOALS.map((goal, n) => `${goal}: at least ${LEAST[n]}`), MEMORY_GOAL],
  run,
}

export default save

async function run(context: BenchContext): Promise<Result> {
  const proot = describeProot()
  if (proot === null) throw new CannotMeasure('There is no proot to compare with. Try: bin/setup --bench')
  // As what goes to dynos is made: one file without types.
  await build({...await dynoBundle(), entryPoints: [`${import.meta.dirname}/support/save-closure.ts`], outfile: program(context)})
  const closure = await yesodClosure(context)
  await using server = await startBenchBucket(context)
  const first = await closureOf(closure, 'first')
  const changed = await closureOf(closure, 'changed')
  const large = await largePath(context, server)
  const rounds: Record<string, number>[] = []
  for (let round = 0; round < ROUNDS; round++) {
    await empty(server)
    const whole = await ours(context, server, {nix: closure.native.nix, paths: first, built: first})
    const after = await ours(context, server, {nix: closure.native.nix, paths: changed, built: changed.filter(path => !first.includes(path))})
    const figures: Record<string, number> = {
      'first save, ms': whole.ms, 'first save, bytes': whole.sent,
      'one file changed, ms': after.ms, 'one file changed, bytes': after.sent,
      ...await older(context, server, {native: closure.native, paths: first, what: 'older way without PRoot: first save'}),
      'limit: first save, ms': await limit(context, server),
      ...await older(context, server, {native: underProot(closure.native), paths: first, what: 'older way: first save'}),
      ...await older(context, server, {native: closure.native, paths: changed, what: 'older way without PRoot: one file changed'}),
      'memory, MB': whole.memory / 1e6,
    }
    context.say(`round ${round + 1} of ${ROUNDS}: ${Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(0)}`).join('; ')}`)
    rounds.push(figures)
  }

  const ratios = [
    medianRatio(rounds, 'older way: first save, ms', 'first save, ms'), medianRatio(rounds, 'older way: first save, bytes', 'first save, bytes'),
    medianRatio(rounds, 'older way without PRoot: one file changed, ms', 'one file changed, ms'), medianRatio(rounds, 'older way without PRoot: one file changed, bytes', 'one file changed, bytes'),
  ]
  const memory = Math.max(large.memory / 1e6, ...rounds.map(round => round['memory, MB'] ?? Number.NaN))
  return {
    compared: {
      'closure': `${first.length} paths: ${closure.origin}`,
      'ours': 'src/dyno/cache in one process and one file, as on a dyno, from the registration of the paths in Nix\'s database to the last narinfo; what the bucket has of each was looked up before, as Nix does when it builds',
      'older way': `nix-store --export of the closure to a file, under ${proot}, then curl --upload-file of that; after a change the same again`,
      'older way without PRoot': 'the same by Nix under a real /nix, as no dyno has it',
      'limit': 'what this machine can do at all, with the server on the same cores: the file of that export through zstd -1 with a thread for each core, and beside it a sha256; then curl --upload-file of the result. Nothing is read of a store, and one object is put instead of two for each path',
      'server': server.origin,
    },
    rounds, medians: medians(rounds),
    ratios: {
      ...Object.fromEntries(GOALS.map((goal, n) => [goal, ratios[n] ?? Number.NaN])),
      'without PRoot, first save': medianRatio(rounds, 'older way without PRoot: first save, ms', 'first save, ms'),
      'without PRoot, divided by the limit': medianRatio(rounds, 'older way without PRoot: first save, ms', 'limit: first save, ms'),
      'the limit divided by our time for a first save': medianRatio(rounds, 'limit: first save, ms', 'first save, ms'),
      'memory for one path of 1.5 GB, MB': large.memory / 1e6,
    },
    goals: [...GOALS.map((goal, n) => atLeast(`${goal}: at least ${LEAST[n]}`, ratios[n] ?? Number.NaN, LEAST[n] ?? 0)), atMost(MEMORY_GOAL, memory, MOST_MEMORY)],
  }
}

async function closureOf({native, build}: YesodClosure, text: string): Promise<string[]> {
  const paths = (await native.run('nix-store', ['--query', '--requisites', await build(text)])).trim().split('\n')
  if (paths.length < 200) throw new CannotMeasure(`The closure has ${paths.length} paths only; at least 200 are meant.`)
  return paths
}

function program({scratch}: BenchContext): string {
  return `${scratch}/save-closure.mjs`
}

async function ours(context: BenchContext, {config}: BenchBucket, {nix, paths, built}: Pick<SaveOrder, 'built' | 'nix' | 'paths'>): Promise<SaveFigures> {
  const folder = fs.mkdtempSync(`${context.scratch}/save-`)
  const {secret, ...rest} = config
  const order: SaveOrder = {config: rest, nix, paths, built, scratch: folder}
  const {stdout} = await promisify(execFile)(process.execPath, [program(context), JSON.stringify(order)], {
    env: {...process.env, NIX_S3_SECRET: secret, NIX_SIGNING_KEY: formatSecretKey(makeSecretKey('bench-1', Buffer.alloc(32, 7)))},
  })
  fs.rmSync(folder, {recursive: true})
  const figures = JSON.parse(stdout) as SaveFigures
  if (figures.ends['saved'] !== built.length || (figures.ends['there'] ?? 0) !== paths.length - built.length) {
    throw new Error(`${built.length} of ${paths.length} paths were to be saved: ${JSON.stringify(figures.ends)}`)
  }

  return figures
}

/** Exports to a file, which stays, and sends that: curl needs to know the length. */
async function older(context: BenchContext, {config}: BenchBucket, {native, paths, what}: {native: NativeNix; paths: readonly string[]; what: string}): Promise<Record<string, number>> {
  const file = exported(context)
  fs.rmSync(file, {force: true})
  const ms = await milliseconds(async () => {
    await exportPaths(native, paths, file)
    await upload(config, file, 'closure')
  })
  return {[`${what}, ms`]: ms, [`${what}, bytes`]: fs.statSync(file).size}
}

/** milliseconds for compressing, hashing and sending what was exported by the programs that are best at it */
async function limit(context: BenchContext, {config}: BenchBucket): Promise<number> {
  const file = exported(context)
  const ms = await milliseconds(async () => {
    await succeeds(['bash', '-c', 'set -o pipefail; zstd --quiet -1 -T0 --stdout "$1" | tee "$1.zst" | openssl dgst -sha256 & openssl dgst -sha256 "$1" & wait -n && wait -n', 'bash', file])
    await upload(config, `${file}.zst`, 'limit')
  })
  fs.rmSync(`${file}.zst`)
  return ms
}

function exported({scratch}: BenchContext): string {
  return `${scratch}/closure.export`
}

/** Saves one path of 1.5 GB of which nothing can be compressed away: all of it is sent. */
async function largePath(context: BenchContext, server: BenchBucket): Promise<SaveFigures> {
  context.say('saving one path of 1.5 GB')
  const nix = `${context.scratch}/large`
  const {paths, register} = await smallStore(nix, [{name: 'large', size: 1.5e9}], `${nix}/var/nix/db/db.sqlite`)
  register()
  const figures = await ours(context, server, {nix, paths, built: paths})
  if (figures.sent < 1.5e9) throw new Error(`Only ${figures.sent} bytes were sent.`)
  fs.rmSync(nix, {recursive: true})
  return figures
}

async function empty({bucket}: BenchBucket): Promise<void> {
  const keys: string[] = []
  for await (const {key} of bucket.list('')) keys.push(key)
  await bucket.delete(keys)
}
