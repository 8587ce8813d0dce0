import {expect} from 'chai'
import fs from 'node:fs'
import {buildInChaos} from './support/chaos.ts'
import {installInJail, nixArchive, type EngineJail} from './support/installed.ts'
import {makeRealStore, type RealStore} from './support/real-store.ts'

// bin/chaos gives other seeds and more kills.
const SEED = Number(process.env['CHAOS_SEED'] ?? 1)
const FIXTURES = `${import.meta.dirname}/fixtures`
const EVERYTHING = ['import /app/source/matrix.nix', 'import /app/source/builtins.nix', '(builtins.getFlake "path:/app/source/flake").packages.x86_64-linux.default']
const KILLS = Number(process.env['CHAOS_KILLS'] ?? 15)

describe(`builds under -j8 in which ${KILLS} processes are killed (seed ${SEED})`, function () {
  this.timeout(60_000 + KILLS * 10_000)
  let jail: EngineJail
  let real: RealStore
  before(async function () {
    const archive = nixArchive()
    if (archive === null) return this.skip()
    jail = await installInJail(archive, {'experimental-features': 'nix-command flakes external-builders ca-derivations'})
    fs.cpSync(FIXTURES, `${jail.app}/source`, {recursive: true})
    real = makeRealStore(archive)
  })
  after(async () => {
    // Nothing was made where the archive is missing.
    ;(real as RealStore | undefined)?.[Symbol.dispose]()
    await (jail as EngineJail | undefined)?.[Symbol.asyncDispose]()
  })

  /** First each thing that a builder may do, the builtin ones and a flake among them; then many builders that need each other. */
  const projects = (round: number) => round === 0 ? ['--expr', ...EVERYTHING] : ['/app/source/chaos.nix', '--argstr', 'round', `${SEED}-${round}`]

  it('give what undisturbed ones give under a real /nix/store, and leave nothing wrong', async () => {
    const {killed, built} = await buildInChaos(jail, {seed: SEED, kills: KILLS, projects})
    if (process.env['CHAOS_KILLS'] !== undefined) process.stdout.write(`${JSON.stringify(killed)}, ${built.length} rounds\n`)
    for (const [round, paths] of built.entries()) {
      const underNix = await real.nix('nix-build', [...projects(round), '--no-out-link', '-j2'], FIXTURES)
      expect(paths).to.deep.equal(underNix.trim().split('\n'))
    }

    const all = [...new Set(built.flat())]
    const closure = (await real.nix('nix-store', ['--query', '--requisites', ...all], FIXTURES)).trim().split('\n')
    expect(closure.length).to.be.at.least(48)
    expect((await jail.nix('nix-store', ['--query', '--hash', ...closure])).stdout).to.equal(await real.nix('nix-store', ['--query', '--hash', ...closure], FIXTURES))
    const {status, stderr} = await jail.nix('nix-store', ['--verify', '--check-contents'])
    expect([status, stderr]).to.deep.equal([0, 'reading the Nix store...\nchecking path existence...\nchecking link hashes...\nchecking store hashes...\n'])
  })

  it('change no derivation', async () => {
    for (const round of [0, 1]) {
      const underNix = await real.nix('nix-instantiate', projects(round), FIXTURES)
      expect((await jail.nix('nix-instantiate', projects(round))).stdout).to.equal(underNix)
    }
  })
})
