import {isDeepStrictEqual} from 'node:util'
import {nixArchive} from '../test/dyno/engine/support/installed.ts'
import {prepareExample} from '../test/dyno/engine/support/example.ts'
import {CannotMeasure, atLeast, medianRatio, medians, type Benchmark, type BenchContext, type Result} from './bench.ts'
import {installWithProject} from './support/example-closure.ts'
import {makeProotStore} from './support/proot-store.ts'
import {prootVersion} from './support/served.ts'

const ROUNDS = 3
/** PRoot loses a builder now and then ("signal 9"); what it finished counts, and how often it did not is said. */
const ATTEMPTS = 5
const GOAL = 'the demo closure is built at least twice as fast as under the fastest PRoot at hand'
const ARGUMENTS = ['/app/source', '--no-out-link', '-j2']

/** The demo app's packages, from an empty store: relocated in a jail like a dyno, and under PRoot. Nothing is uploaded. */
const build: Benchmark = {
  name: 'build',
  description: "building the demo app's closure: relocated, against PRoot",
  goals: [GOAL],
  run,
}

export default build

interface Built {
  ms: number
  /** store path to NAR hash */
  hashes: Record<string, string>
  failures: number
}

async function run(context: BenchContext): Promise<Result> {
  const proot = prootVersion()
  if (!proot) throw new CannotMeasure('There is no proot to compare with. Try: bin/setup --bench')
  const project = prepareExample(context.scratch)
  const ways = {relocated: () => buildRelocated(project), proot: () => buildUnderProot(project, context.scratch)}
  const rounds: Record<string, number>[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const names = (['relocated', 'proot'] as const).toSorted(() => (round % 2 === 0 ? 1 : -1))
    const built: Partial<Record<keyof typeof ways, Built>> = {}
    for (const name of names) built[name] = await ways[name]()
    const {relocated, proot: underProot} = built
    if (!relocated || !underProot) continue
    if (!isDeepStrictEqual(relocated.hashes, underProot.hashes)) throw new CannotMeasure('The two builds gave different bytes, so their times cannot be compared.')
    context.say(`round ${round + 1} of ${ROUNDS}: relocated ${relocated.ms.toFixed(0)} ms, PRoot ${underProot.ms.toFixed(0)} ms (${underProot.failures} failed before)`)
    rounds.push({'relocated ms': relocated.ms, 'proot ms': underProot.ms, 'paths': Object.keys(relocated.hashes).length, 'proot failures': underProot.failures})
  }

  const speed = medianRatio(rounds, 'proot ms', 'relocated ms')
  return {
    compared: {
      relocated: 'nix-build -j2 by the external builder, in a jail that refuses ptrace and namespaces',
      proot: `the same nix-build by Nix's own builder under PRoot ${proot.version} as installed, ${proot.seccomp ? 'with' : 'built without'} seccomp acceleration, the only one at hand; equal NAR hashes`,
    },
    rounds, medians: medians(rounds), ratios: {'speed: relocated / proot': speed}, goals: [atLeast(GOAL, speed, 2)],
  }
}

async function buildRelocated(project: string): Promise<Built> {
  await using jail = await installWithProject(project)
  const started = performance.now()
  const {status, stdout, stderr} = await jail.nix('nix-build', ARGUMENTS)
  const ms = performance.now() - started
  if (status !== 0) throw new CannotMeasure(`The demo app does not build: ${stderr.slice(-1000)}`)
  const info = await jail.nix('nix', ['path-info', '--json', '--recursive', stdout.trim()])
  return {ms, hashes: narHashes(info.stdout), failures: 0}
}

async function buildUnderProot(project: string, scratch: string): Promise<Built> {
  for (let failures = 0; ; failures++) {
    using store = makeProotStore(nixArchive() ?? '', project, `${scratch}/proot-store`)
    const started = performance.now()
    try {
      const result = await store.nix('nix-build', ARGUMENTS)
      const ms = performance.now() - started
      return {ms, hashes: narHashes(await store.nix('nix', ['path-info', '--json', '--recursive', result.trim()])), failures}
    } catch (error) {
      if (failures + 1 === ATTEMPTS) throw new CannotMeasure(`The demo app does not build under PRoot: ${String(error).slice(-1000)}`)
    }
  }
}

function narHashes(json: string): Record<string, string> {
  const info = JSON.parse(json) as Record<string, {narHash: string}>
  return Object.fromEntries(Object.entries(info).map(([path, {narHash}]) => [path, narHash]))
}
