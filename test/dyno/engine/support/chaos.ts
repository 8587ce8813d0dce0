import {setTimeout as delay} from 'node:timers/promises'
import {nixCommand} from '../../../../src/dyno/engine/nix-command.ts'
import {randomNumbers} from '../../../support/random.ts'
import type {EngineJail} from './installed.ts'
import {processesOf} from './processes-of.ts'

/** What came of it. */
export interface ChaosReport {
  /** how many of each program were killed */
  killed: Record<string, number>
  /** store paths that must be there now, each round's in a list */
  built: string[][]
}

/** Nix is started again until it succeeds, in one process namespace: what a killed one left is still there. */
const RETRY = 'for n in {1..300}; do "$@" && exit 0; done; exit 1'

/**
 * Builds round after round under -j8 while processes of the jail (Nix, external builders, builders, watchdogs) are killed
 * with SIGKILL, chosen and timed by `seed`, until so many were. `projects`: nix-build's arguments for each round.
 */
export async function buildInChaos(jail: EngineJail, {seed, kills, projects}: {seed: number; kills: number; projects: (round: number) => string[]}): Promise<ChaosReport> {
  const random = randomNumbers(seed)
  const report: ChaosReport = {killed: {}, built: []}
  let left = kills
  for (let round = 0; left > 0; round++) {
    const {file, args, env} = nixCommand(jail.installed, 'nix-build', [...projects(round), '--no-out-link', '-j8'])
    const ended = new AbortController()
    const build = jail.run(['/bin/bash', '-c', RETRY, 'chaos', file, ...args], {env, files: jail.toolboxFiles}).finally(() => ended.abort())
    while (!ended.signal.aborted && left > 0) {
      await Promise.race([delay(100 + random() * 1400), build])
      const candidates = processesOf(jail.app).filter(({command}) => !command.startsWith('bwrap\0') && !command.includes(RETRY))
      const kinds = [...new Set(candidates.map(({command}) => nameOf(command)))].sort()
      const name = kinds[Math.floor(random() * kinds.length)] ?? ''
      const ofKind = candidates.filter(({command}) => nameOf(command) === name)
      const victim = ofKind[Math.floor(random() * ofKind.length)]
      if (victim && kill(victim.pid)) {
        report.killed[name] = (report.killed[name] ?? 0) + 1
        left--
      }
    }

    const {status, stdout, stderr} = await build
    if (status !== 0) throw new Error(`seed ${seed}, round ${round}: Nix never succeeded: ${stderr.slice(-3000)}`)
    report.built.push(stdout.trim().split('\n'))
  }

  return report
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL')
    return true
  } catch {
    // It ended in between.
    return false
  }
}

function nameOf(command: string): string {
  if (command.includes('--abandoned')) return 'watchdog'
  if (command.includes('external-builder')) return 'external builder'
  return /nix-build/.test(command) ? 'Nix' : 'builder'
}
