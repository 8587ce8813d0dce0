import {execFile, execFileSync} from 'node:child_process'
import fs from 'node:fs'
import {promisify} from 'node:util'
import {parseRegistrations} from '../src/dyno/build/closure.ts'
import {baseNameOf} from '../src/lib/nix/store-path.ts'
import {formatSecretKey, makeSecretKey} from '../src/lib/signing/nix-key.ts'
import {removeTree} from '../src/lib/view/remove.ts'
import {ensureInView} from '../src/lib/view/view.ts'
import {nixArchive} from '../test/dyno/engine/support/installed.ts'
import {atLeast, CannotMeasure, medianRatio, medians, type Benchmark, type BenchContext, type Result} from './bench.ts'
import {startBenchBucket, type BenchBucket} from './support/bench-bucket.ts'
import {startCountingProxy} from './support/counting-proxy.ts'
import {installNativeNix, nativeNix} from './support/native-nix.ts'
import {curlConfig, download, exportPaths, importPaths, succeeds, upload} from './support/older-way.ts'
import {publishBuild, type Published} from './support/published-build.ts'
import {describeProot} from './support/served.ts'
import {yesodClosure, type YesodClosure} from './support/yesod.ts'

const ROUNDS = 3
const GOALS = [
  'the older way\'s time, under PRoot as it ran on Heroku, divided by ours: at least 3',
  'our time divided by that of curl | tee >(sha256sum) | gzip -dc | tar x of the layer: at most 1.1',
  'bytes fetched besides the layer, the record and the pointer that names it: none',
] as const
const APP = 'bench'
const COMMIT = 'a'.repeat(40)
const KEY = makeSecretKey('bench-1', Buffer.alloc(32, 7))
const BUILDPACK = `${import.meta.dirname}/../buildpack`

/** What a push of an unchanged commit restores, against how the buildpack of 2016 did it and against the least that could be done. */
const push: Benchmark = {
  name: 'push',
  description: 'restoring a closure of 1.4 GB in a push, against download, nix-store --import and rsync, and against curl | gzip | tar',
  goals: GOALS,
  run,
}

export default push

async function run(context: BenchContext): Promise<Result> {
  const proot = describeProot()
  if (proot === null) throw new CannotMeasure('There is no proot to compare with. Try: bin/setup --bench')
  const closure = await yesodClosure(context)
  await using server = await startBenchBucket(context)
  const {published, paths} = await publish(context, closure, server)
  const {layer} = published.record.outcome
  const ours = compileWay(context, server.config)
  const ways: Record<string, (target: string) => Promise<number>> = {
    'ours, ms': ours,
    'curl | gzip | tar, ms': target => milliseconds(() => bare(context, server, layer.key, target)),
    'older way, ms': olderWay(context, server, paths, {proot: true}),
    'older way without PRoot, ms': olderWay(context, server, paths, {proot: false}),
  }
  // A first push: whatever a buildpack keeps in CACHE_DIR is there, and all comes out of the page cache for everyone.
  await inFolder(context, ours)
  const fetched = await countFetched(context, server, published)
  const rounds: Record<string, number>[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const figures: Record<string, number> = {}
    const names = Object.keys(ways)
    for (const name of round % 2 ? names.reverse() : names) figures[name] = await inFolder(context, ways[name] ?? ours)
    context.say(`round ${round + 1} of ${ROUNDS}: ${Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(0)}`).join('; ')}`)
    rounds.push(figures)
  }

  const ratios = [medianRatio(rounds, 'older way, ms', 'ours, ms'), medianRatio(rounds, 'ours, ms', 'curl | gzip | tar, ms'), fetched.besides]
  return {
    compared: {
      'closure': `${paths.length} paths, ${layer.unpackedSize} bytes, a layer of ${layer.size} bytes: ${closure.origin}`,
      'ours': `buildpack/bin/compile, all of it, for the commit of the build and a CACHE_DIR of an earlier push: ${fetched.total} bytes fetched`,
      'curl | gzip | tar': 'the same layer by programs of this machine, at their defaults',
      'older way': `curl of the export, nix-store --import under ${proot} into a store that is there already, rsync --archive of the closure`,
      'older way without PRoot': 'the same by Nix under a real /nix, as no dyno has it',
      'server': server.origin,
    },
    rounds, medians: medians(rounds),
    ratios: {
      ...Object.fromEntries(GOALS.map((goal, n) => [goal.replace(/: .*$/, ''), ratios[n] ?? Number.NaN])),
      'without PRoot': medianRatio(rounds, 'older way without PRoot, ms', 'ours, ms'),
    },
    goals: [
      atLeast(GOALS[0], ratios[0] ?? Number.NaN, 3),
      {goal: GOALS[1], value: ratios[1] ?? Number.NaN, met: (ratios[1] ?? Number.NaN) <= 1.1},
      {goal: GOALS[2], value: fetched.besides, met: fetched.besides === 0},
    ],
  }
}

async function publish({scratch, say}: BenchContext, {native, build}: YesodClosure, {bucket, config}: BenchBucket): Promise<{published: Published; paths: string[]}> {
  const result = await build('first')
  const paths = (await native.run('nix-store', ['--query', '--requisites', result])).trim().split('\n')
  if (paths.length < 200) throw new CannotMeasure(`The closure has ${paths.length} paths only; at least 200 are meant.`)
  say('making the layer')
  const view = `${scratch}/view`
  ensureInView({canonical: `${native.nix}/store`, view}, paths.map(baseNameOf))
  const {paths: closure} = parseRegistrations(await native.run('nix-store', ['--dump-db', ...paths]), result)
  const published = await publishBuild(bucket, {app: APP, commit: COMMIT, view, closure, result, key: KEY, scratch})
  removeTree(view)
  say('exporting the closure')
  await exportPaths(native, paths, `${scratch}/export`)
  await upload(config, `${scratch}/export`, 'export')
  fs.rmSync(`${scratch}/export`)
  return {published, paths}
}

/** Times a push's compile into a folder. */
function compileWay({scratch}: BenchContext, {endpoint, region, bucket, key, secret}: BenchBucket['config']): (target: string) => Promise<number> {
  const dirs = {cache: `${scratch}/cache`, env: fs.mkdtempSync(`${scratch}/env-`)}
  fs.mkdirSync(dirs.cache, {recursive: true})
  const vars = {
    NIX_S3_KEY: key, NIX_S3_SECRET: secret, NIX_S3_BUCKET: bucket, NIX_S3_REGION: region, NIX_S3_ENDPOINT: endpoint ?? '',
    NIX_APP_NAME: APP, NIX_SIGNING_KEY: formatSecretKey(KEY),
  }
  for (const [name, value] of Object.entries(vars)) fs.writeFileSync(`${dirs.env}/${name}`, value)
  const env = {PATH: '/usr/bin:/bin', HOME: scratch, TMPDIR: scratch, STACK: 'heroku-24', SOURCE_VERSION: COMMIT}
  return target => {
    fs.writeFileSync(`${target}/default.nix`, '{}')
    return milliseconds(() => promisify(execFile)(`${BUILDPACK}/bin/compile`, [target, dirs.cache, dirs.env], {env}))
  }
}

async function bare({scratch}: BenchContext, {config}: BenchBucket, key: string, target: string): Promise<void> {
  // The credentials come on standard input: a command line is for all to see.
  const {args, text} = curlConfig(config, key)
  const script = 'set -euo pipefail; target="$1" sum="$2"; shift 2; "$@" | tee >(sha256sum > "$sum") | gzip -dc | tar x -f - -C "$target"'
  await succeeds(['bash', '-c', script, 'bare', target, `${scratch}/sum`, ...args], {text})
}

function olderWay({scratch}: BenchContext, {config}: BenchBucket, paths: readonly string[], {proot}: {proot: boolean}): (target: string) => Promise<number> {
  const archive = nixArchive()
  if (archive === null) throw new CannotMeasure('There is no Nix archive in .cache/. Try: bin/setup --bench')
  const list = `${scratch}/paths`
  fs.writeFileSync(list, paths.map(path => `${baseNameOf(path)}\n`).join(''))
  return async target => {
    const root = `${scratch}/older`
    installNativeNix(archive, root)
    const native = nativeNix(root, {proot})
    try {
      return await milliseconds(async () => {
        await download(config, 'export', `${scratch}/downloaded`)
        await importPaths(native, `${scratch}/downloaded`)
        await succeeds(['rsync', '--archive', '--recursive', `--files-from=${list}`, `${native.nix}/store/`, target])
      })
    } finally {
      fs.rmSync(`${scratch}/downloaded`, {force: true})
      removeTree(root)
    }
  }
}

/** Bytes of a push like the measured ones, through a proxy that counts. */
async function countFetched(context: BenchContext, {config}: BenchBucket, {record, keys}: Published): Promise<{total: number; besides: number}> {
  await using proxy = await startCountingProxy(config.endpoint ?? '')
  await inFolder(context, compileWay(context, {...config, endpoint: proxy.endpoint}))
  const of = (key: string) => proxy.fetched.get(`/${config.bucket}/${key}`) ?? 0
  const total = [...proxy.fetched.values()].reduce((sum, bytes) => sum + bytes, 0)
  if (of(keys.layer) !== record.outcome.layer.size) throw new Error(`${of(keys.layer)} bytes of the layer were fetched, which has ${record.outcome.layer.size}.`)
  return {total, besides: total - of(keys.layer) - of(keys.record) - of(keys.pointer)}
}

/** Gives a way a new folder, removed afterwards; what was written before is on the disk when it begins. */
async function inFolder({scratch}: BenchContext, way: (target: string) => Promise<number>): Promise<number> {
  const target = fs.mkdtempSync(`${scratch}/target-`)
  execFileSync('sync')
  try {
    return await way(target)
  } finally {
    removeTree(target)
  }
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}
