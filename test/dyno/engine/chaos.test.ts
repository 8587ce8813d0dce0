import {expect} from 'chai'
import fs from 'node:fs'
import {buildInChaos} from './support/chaos.ts'
import {differencesOf} from './support/differences.ts'
import {installInJail, nixArchive, type EngineJail} from './support/installed.ts'
import {makeRealStore, type RealStore} from './support/real-store.ts'

// bin/chaos gives other seeds and more kills.
const SEED = Number(process.env['CHAOS_SEED'] ?? 1)
const KILLS = Number(process.env['CHAOS_KILLS'] ?? 15)

describe(`builds under -j8 in which ${KILLS} processes are killed (seed ${SEED})`, function () {
  this.timeout(60_000 + KILLS * 10_000)
  let jail: EngineJail
  let real: RealStore
  before(async function () {
    const archive = nixArchive()
    if (archive === null) return this.skip()
    jail = await installInJail(archive)
    fs.cpSync(`${import.meta.dirname}/fixtures`, `${jail.app}/source`, {recursive: true})
    real = makeRealStore(archive)
  })
  after(async () => {
    real[Symbol.dispose]()
    await jail[Symbol.asyncDispose]()
  })

  it('give what undisturbed ones give under a real /nix/store, and leave nothing wrong', async () => {
    const {killed, built} = await buildInChaos(jail, {seed: SEED, kills: KILLS})
    if (process.env['CHAOS_KILLS'] !== undefined) process.stdout.write(`${JSON.stringify(killed)}, ${built.length} rounds\n`)
    for (const [round, paths] of built.entries()) {
      const underNix = await real.nix('nix-build', ['/app/source/chaos.nix', '--argstr', 'round', `${SEED}-${round}`, '--no-out-link', '-j2'], `${import.meta.dirname}/fixtures`)
      expect(paths).to.deep.equal(underNix.trim().split('\n'))
    }

    const made = fs.readdirSync(real.store).filter(name => name.includes('-chaos-') && !name.endsWith('.drv'))
    expect(made.length).to.be.at.least(24)
    for (const name of made) expect([name, differencesOf(`${jail.app}/.nix/store/${name}`, `${real.store}/${name}`)]).to.deep.equal([name, {}])
    const {status, stderr} = await jail.nix('nix-store', ['--verify', '--check-contents'])
    expect([status, stderr]).to.deep.equal([0, 'reading the Nix store...\nchecking path existence...\nchecking link hashes...\nchecking store hashes...\n'])
  })

  it('change no derivation', async () => {
    const instantiate = () => jail.nix('nix-instantiate', ['/app/source/chaos.nix', '--argstr', 'round', `${SEED}-0`])
    const underNix = await real.nix('nix-instantiate', ['/app/source/chaos.nix', '--argstr', 'round', `${SEED}-0`], `${import.meta.dirname}/fixtures`)
    expect((await instantiate()).stdout).to.equal(underNix)
  })
})
