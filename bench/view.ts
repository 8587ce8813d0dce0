import {execFileSync} from 'node:child_process'
import fs from 'node:fs'
import {atLeast, median, medianRatio, medians, type Benchmark, type BenchContext, type Result} from './bench.ts'
import {installForBench} from './support/example-closure.ts'

const ROUNDS = 5
const SIZE = 1024 ** 3
const MEMORY = 200 * 1024 ** 2
const GOALS = ['deriving a view at 0.5 of the speed of `cp -a` of what needs rewriting plus `cp -al` of the rest', '200 MiB of memory divided by the most that it took'] as const

/** Deriving the view of a 1 GiB store against the copying that cannot be avoided, both from the page cache. */
const view: Benchmark = {
  name: 'view',
  description: 'deriving the relocated view of a 1 GiB store, against cp of the same files',
  goals: GOALS,
  run,
}

export default view

async function run(context: BenchContext): Promise<Result> {
  await using jail = await installForBench()
  const canonical = `${context.scratch}/canonical`
  const bytes = growStore(`${jail.app}/.nix/store`, canonical)
  context.say(`${fs.readdirSync(canonical).length} store paths, ${(bytes / 1024 ** 2).toFixed(0)} MiB`)

  // What is copied and what is linked: as a first derivation, which also warms the page cache, does it.
  const {copied, linked} = sortFiles(canonical, deriveOnce(context, canonical).view)
  const rounds: Record<string, number>[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const steps = [() => deriveFigures(context, canonical), () => copyFigures(context, canonical, copied, linked)]
    if (round % 2 === 1) steps.reverse()
    const figures: Record<string, number> = {}
    for (const step of steps) Object.assign(figures, step())
    context.say(`round ${round + 1} of ${ROUNDS}: ${Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(0)}`).join(', ')}`)
    rounds.push(figures)
  }

  const speed = medianRatio(rounds, 'cp ms', 'derive ms')
  return {
    compared: {
      derive: `ensureInView of the Nix archive's store paths, several times over: ${copied.length} files to rewrite, ${linked.length} to link, one process`,
      cp: 'GNU cp as installed: -a of the same files to rewrite, -al of the same files to link',
    },
    rounds, medians: medians(rounds), ratios: {'speed: derive / cp': speed},
    goals: [atLeast(GOALS[0], speed, 0.5), atLeast(GOALS[1], MEMORY / median(rounds.map(round => (round['memory MiB'] ?? 0) * 1024 ** 2)), 1)],
  }
}

/** Copies a store under other names until it has the size. Returns its bytes. */
function growStore(from: string, to: string): number {
  fs.mkdirSync(to)
  const names = fs.readdirSync(from)
  const size = Number(execFileSync('du', ['--summarize', '--bytes', from], {encoding: 'utf8'}).split('\t')[0])
  const times = Math.ceil(SIZE / size)
  for (let n = 0; n < times; n++) for (const name of names) execFileSync('cp', ['-a', `${from}/${name}`, `${to}/${name}-${n.toString()}`])
  return size * times
}

/** In a process of its own, so that its memory is its own. */
function deriveOnce({scratch}: BenchContext, canonical: string): {ms: number; memory: number; view: string} {
  const view = `${scratch}/view`
  fs.rmSync(view, {recursive: true, force: true})
  const text = execFileSync(process.execPath, [`${import.meta.dirname}/support/derive-view.ts`, canonical, view], {encoding: 'utf8'})
  return {...JSON.parse(text) as {ms: number; memory: number}, view}
}

function deriveFigures(context: BenchContext, canonical: string): Record<string, number> {
  const {ms, memory} = deriveOnce(context, canonical)
  return {'derive ms': ms, 'memory MiB': memory / 1024 ** 2}
}

function copyFigures({scratch}: BenchContext, canonical: string, copied: readonly string[], linked: readonly string[]): Record<string, number> {
  const target = `${scratch}/copied`
  fs.rmSync(target, {recursive: true, force: true})
  fs.mkdirSync(target)
  const started = performance.now()
  for (const [flags, files] of [['-a', copied], ['-al', linked]] as const) {
    execFileSync('xargs', ['-0', 'cp', flags, '--parents', '--target-directory', target], {cwd: canonical, input: files.join('\0')})
  }

  return {'cp ms': performance.now() - started}
}

function sortFiles(canonical: string, view: string): {copied: string[]; linked: string[]} {
  const copied: string[] = []
  const linked: string[] = []
  for (const entry of fs.readdirSync(view, {withFileTypes: true, recursive: true})) {
    if (!entry.isFile()) continue
    const path = `${entry.parentPath}/${entry.name}`.slice(view.length + 1)
    const same = fs.statSync(`${view}/${path}`).ino === fs.statSync(`${canonical}/${path}`).ino
    ;(same ? linked : copied).push(path)
  }

  return {copied, linked}
}
