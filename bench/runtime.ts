import {execFileSync} from 'node:child_process'
import {CannotMeasure, atLeast, medianRatio, medians, type Benchmark, type BenchContext, type Result} from './bench.ts'
import {buildExample} from './support/example-closure.ts'
import {prootVersion, serve} from './support/served.ts'

const ROUNDS = 21
const SECONDS = 1
const START_UPS = 5
const GOALS = ['relocated serves at least 0.97 of the requests that the same programs serve unrelocated', 'relocated serves at least twice the requests that the fastest PRoot at hand lets them serve'] as const

/** The demo app under gunicorn: unrelocated under a real /nix/store, relocated under /app/.nixs, and under PRoot. */
const runtime: Benchmark = {
  name: 'runtime',
  description: 'requests per second and start-up of the demo app: native, relocated, under PRoot',
  goals: GOALS,
  run,
}

export default runtime

async function run(context: BenchContext): Promise<Result> {
  const proot = prootVersion()
  if (!proot) throw new CannotMeasure('There is no proot to compare with. Try: bin/setup --bench')
  try {
    execFileSync('wrk', ['-v'], {stdio: 'ignore'})
  } catch (error) {
    // It shows its version with status 1.
    if (!(error instanceof Error && 'status' in error)) throw new CannotMeasure('There is no wrk. Try: bin/setup --bench')
  }

  await using example = await buildExample(context)
  const {app} = example.jail
  const ways = {
    native: [...namespace(`${app}/.nix/store`, '/nix/store'), `/nix/store/${example.result}/bin/webserver`],
    relocated: [...namespace(`${app}/.nixs`, '/app/.nixs'), `/app/.nixs/${example.result}/bin/webserver`],
    proot: ['proot', '-b', `${app}/.nix/store:/nix/store`, '-w', '/', `/nix/store/${example.result}/bin/webserver`],
  }
  const names = Object.keys(ways) as (keyof typeof ways)[]
  const startUps: Record<string, number>[] = []
  for (let round = 0; round < START_UPS; round++) {
    const figures: Record<string, number> = {}
    for (const name of rotated(names, round)) {
      await using served = await serve(ways[name])
      figures[`${name} start-up ms`] = served.startUp
    }

    startUps.push(figures)
    context.say(`start-up ${round + 1} of ${START_UPS}: ${names.map(name => `${name} ${(figures[`${name} start-up ms`] ?? 0).toFixed(0)} ms`).join(', ')}`)
  }

  // All three wait while one works: an idle server takes nothing, and short turns meet the same machine.
  await using native = await serve(ways.native)
  await using relocated = await serve(ways.relocated)
  await using underProot = await serve(ways.proot)
  const servers = {native, relocated, proot: underProot}
  for (const name of names) await servers[name].load(1)
  const rounds: Record<string, number>[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const figures: Record<string, number> = {}
    for (const name of rotated(names, round)) figures[`${name} requests/s`] = await servers[name].load(SECONDS)
    context.say(`load ${round + 1} of ${ROUNDS}: ${names.map(name => `${name} ${(figures[`${name} requests/s`] ?? 0).toFixed(0)}/s`).join(', ')}`)
    rounds.push(figures)
  }

  const toNative = medianRatio(rounds, 'relocated requests/s', 'native requests/s')
  const toProot = medianRatio(rounds, 'relocated requests/s', 'proot requests/s')
  return {
    compared: {
      native: 'the same build\'s canonical store bound to /nix/store by bubblewrap',
      relocated: 'its view bound to /app/.nixs by bubblewrap',
      proot: `PRoot ${proot.version} as installed, ${proot.seccomp ? 'with' : 'built without'} seccomp acceleration, the only one at hand`,
    },
    rounds: [...startUps, ...rounds], medians: {...medians(startUps), ...medians(rounds)},
    ratios: {
      'requests: relocated / native': toNative, 'requests: relocated / proot': toProot,
      'start-up: relocated / native': medianRatio(startUps, 'relocated start-up ms', 'native start-up ms'),
      'start-up: relocated / proot': medianRatio(startUps, 'relocated start-up ms', 'proot start-up ms'),
    },
    goals: [atLeast(GOALS[0], toNative, 0.97), atLeast(GOALS[1], toProot, 2)],
  }
}

/** Each comes first in its turn, so that a machine that slows down favours none. */
function rotated<T>(items: readonly T[], by: number): T[] {
  const start = by % items.length
  return [...items.slice(start), ...items.slice(0, start)]
}

/** The same few mounts for both, so that nothing but the store's place differs. */
function namespace(store: string, at: string): string[] {
  return [
    ...['bwrap', '--unshare-user', '--die-with-parent', '--ro-bind', '/usr', '/usr', '--ro-bind', '/etc', '/etc'],
    ...['bin', 'lib', 'lib64', 'sbin'].flatMap(name => ['--symlink', `usr/${name}`, `/${name}`]),
    ...['--tmpfs', '/tmp', '--dev', '/dev', '--proc', '/proc', '--ro-bind', store, at],
  ]
}
