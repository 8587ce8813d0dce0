import {execFile} from 'node:child_process'
import {writeFileSync} from 'node:fs'
import {cp, mkdir, readdir} from 'node:fs/promises'
import {join} from 'node:path'
import {Writable} from 'node:stream'
import {promisify} from 'node:util'
import {gzipSync} from 'node:zlib'
import {judge} from '../src/lib/check/judge.ts'
import {listTree, openTree} from '../src/lib/check/read-tree.ts'
import {formatLine} from '../src/lib/listing/listing-line.ts'
import {writeLayer} from '../src/lib/slug/layer.ts'
import {walkView} from '../src/lib/slug/walk-view.ts'
import {parseRules} from '../src/lib/slugexclude/parse-rules.ts'
import {CannotMeasure, medianRatio, medians, milliseconds, type Benchmark, type BenchContext, type Result} from './bench.ts'
import {buildExample} from './support/example-closure.ts'
import {copyInstalledPackages} from './support/installed-packages.ts'
import {makeLargeStore, RULES} from './support/large-store.ts'

const run = promisify(execFile)

const ROUNDS = 7
const MOST = 2
const MEMORY = 300e6
const MOST_OFF = 0.05
const PATHS = 200
/** Under each, the predicted size is held against a layer's. */
const PRUNINGS = [null, 'share/doc/\nshare/man/\n*.a\n', '+ */\n+ *.so*\n- *\n', '*.so*\n*.py\n']
const GOALS = {
  names: `what rules keep of 100,000 files by 50 rules, in at most ${MOST} × the time of rsync -an`,
  listing: `the whole check of a build's listing, in at most ${MOST} × the time of rsync -an of the same tree`,
  memory: `either in at most ${MEMORY / 1e6} MB`,
  predicted: `the predicted compressed size within ${MOST_OFF * 100} % of the real one, on the demo app and on ${PATHS} store paths`,
} as const

const check: Benchmark = {
  name: 'check',
  description: 'nix:slugexclude:check against rsync -an, and what it predicts against real layers',
  goals: Object.values(GOALS),
  run: measure,
}

export default check

async function measure(context: BenchContext): Promise<Result> {
  const {scratch, say} = context
  const {stdout: version} = await run('rsync', ['--version']).catch((error: unknown) => {
    throw new CannotMeasure(`rsync is needed and does not run (${String(error)}); bin/setup installs it.`)
  })
  const off = await predictions(context)
  say('making 100,000 files')
  const tree = join(scratch, 'tree')
  const files = makeLargeStore(tree)
  const rules = join(scratch, 'rules')
  writeFileSync(rules, `${RULES.join('\n')}\n`)
  writeFileSync(join(tree, 'files.jsonl.gz'), gzipSync((await listTree(openTree(tree, tree))).map(file => formatLine(file)).join('')))

  await mkdir(join(scratch, 'empty'))
  const rounds: Record<string, number>[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    say(`round ${round} of ${ROUNDS}`)
    const figures: Record<string, number> = {}
    const works = [
      async () => Object.assign(figures, {'rsync, ms': await milliseconds(() => run('rsync', ['-an', '--prune-empty-dirs', `--exclude-from=${rules}`, `${tree}/store`, join(scratch, 'empty')]))}),
      ...(['names', 'listing'] as const).map(mode => async () => {
        const {ms, memory} = await checkOnce(mode, tree, rules)
        Object.assign(figures, {[`${mode}, ms`]: ms, [`${mode}, bytes of memory`]: memory})
      }),
    ]
    for (const work of round % 2 ? works : works.reverse()) await work()
    rounds.push(figures)
  }

  const all = medians(rounds)
  const memory = Math.max(all['names, bytes of memory'] ?? Number.NaN, all['listing, bytes of memory'] ?? Number.NaN)
  const names = medianRatio(rounds, 'names, ms', 'rsync, ms')
  const listing = medianRatio(rounds, 'listing, ms', 'rsync, ms')
  const worst = Math.max(...Object.values(off).map(value => Math.abs(value)))
  return {
    compared: {
      names: `--tree --list kept, in a process of its own whose start does not count: ${files} files, ${RULES.length - 1} rules`,
      listing: 'a build\'s check: listing, rules, hits, what breaks, the report; likewise',
      rsync: `${version.split('\n')[0] ?? ''}, -an --prune-empty-dirs --exclude-from, to an empty folder`,
    },
    rounds,
    medians: {...all, ...off},
    ratios: {'names / rsync': names, 'listing / rsync': listing},
    goals: [
      {goal: GOALS.names, value: names, met: names <= MOST}, {goal: GOALS.listing, value: listing, met: listing <= MOST},
      {goal: GOALS.memory, value: memory, met: memory <= MEMORY}, {goal: GOALS.predicted, value: worst, met: worst <= MOST_OFF},
    ],
  }
}

/** How far each prediction is off, as a part of the real size. */
async function predictions(context: BenchContext): Promise<Record<string, number>> {
  const {scratch, say} = context
  const demo = join(scratch, 'demo')
  await copyExample(context, demo)
  say(`copying ${PATHS} packages`)
  const packages = join(scratch, 'packages')
  copyInstalledPackages(packages, PATHS)
  const off: Record<string, number> = {}
  for (const [name, root] of [['demo app', demo], ['packages', packages]] as const) {
    const tree = openTree(root, root)
    const files = await listTree(tree)
    for (const text of PRUNINGS) {
      say(`a layer of the ${name}, pruned by ${JSON.stringify(text)}`)
      const rules = text === null ? null : parseRules(text)
      const {size} = await writeLayer({entries: walkView(tree.store, tree.names), rules, result: tree.names[0] ?? '', sink: new Writable({write: (_chunk, _encoding, done) => done()})})
      const predicted = judge(files, rules).reduce((sum, {kept, listed}) => sum + (kept ? listed.packed : 0), 0)
      off[`predicted / real - 1, ${name}, ${tree.names.length} paths, ${JSON.stringify(text)}`] = predicted / size - 1
    }
  }

  return off
}

async function copyExample(context: BenchContext, to: string): Promise<void> {
  await using built = await buildExample(context)
  const {stdout} = await built.jail.nix('nix-store', ['--query', '--requisites', `/nix/store/${built.result}`])
  const wanted = new Set(stdout.trim().split('\n').map(line => line.slice(line.lastIndexOf('/') + 1)))
  const view = join(built.jail.app, '.nixs')
  for (const name of await readdir(view)) if (wanted.has(name)) await cp(join(view, name), join(to, 'store', name), {recursive: true, verbatimSymlinks: true})
}

async function checkOnce(mode: 'listing' | 'names', tree: string, rules: string): Promise<{ms: number; memory: number}> {
  const {stdout} = await run(process.execPath, [join(import.meta.dirname, 'support/check-once.ts'), mode, tree, rules])
  return JSON.parse(stdout) as {ms: number; memory: number}
}
