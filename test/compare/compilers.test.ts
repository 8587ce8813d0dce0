import {expect} from 'chai'
import {execFileSync} from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import {differencesOf} from '../dyno/engine/support/differences.ts'
import {installInJail, nixArchive, type EngineJail} from '../dyno/engine/support/installed.ts'
import {makeRealStore, type RealStore} from '../dyno/engine/support/real-store.ts'
import {interfaceDifference} from './haskell-interface.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const PACKAGES = ['golang-go', 'rustc', 'ocaml-nox', 'ghc']

/** Files that differ, and in how many bytes; null: in their size. docs/relocation.md has the causes. */
const KNOWN: Record<string, Record<string, number | null>> = {
  goPlain: {}, goBuildId: {'/bin/hello': 83},
  rustPlain: {}, rustDebug: {}, rustBuildId: {'/bin/hello': 20},
  ocamlByte: {}, ocamlNative: {}, ocamlBuildId: {'/bin/hello': 20},
  ghcPlain: {'/lib/Hello.hi': null}, ghcBuildId: {'/bin/hello': 20, '/lib/Hello.hi': null},
}

// Not part of bin/test: it downloads some 250 MB of packages. bin/compare runs it.
describe('what compilers of the distribution make', function () {
  this.timeout(600_000)
  let scratch: string
  let jail: EngineJail
  let real: RealStore
  before(async function () {
    const archive = nixArchive()
    if (archive === null) return this.skip()
    scratch = fs.mkdtempSync(`${os.tmpdir()}/compilers-`)
    fs.cpSync(`${import.meta.dirname}/compilers`, scratch, {recursive: true})
    execFileSync(process.execPath, [`${ROOT}/examples/flask/fetch-packages`, scratch, ...PACKAGES], {stdio: ['ignore', 'ignore', 'inherit']})
    jail = await installInJail(archive)
    fs.cpSync(scratch, `${jail.app}/source`, {recursive: true})
    real = makeRealStore(archive)
  })
  after(async () => {
    // Nothing was made where the archive is missing.
    ;(real as RealStore | undefined)?.[Symbol.dispose]()
    await (jail as EngineJail | undefined)?.[Symbol.asyncDispose]()
    if ((scratch as string | undefined) !== undefined) fs.rmSync(scratch, {recursive: true})
  })

  /** The output's path in the jail and in the real store. */
  async function builtInBoth(attribute: string): Promise<[string, string]> {
    const args = ['/app/source', '--attr', attribute, '--no-out-link']
    const [built, stdout] = await Promise.all([jail.nix('nix-build', args), real.nix('nix-build', args, scratch)])
    expect(built.status, built.stderr).to.equal(0)
    expect(built.stdout).to.equal(stdout)
    const name = path.basename(stdout.trim())
    return [`${jail.app}/.nix/store/${name}`, `${real.store}/${name}`]
  }

  for (const [attribute, known] of Object.entries(KNOWN)) {
    it(`is what it is under a real /nix/store, but for ${Object.keys(known).join(' and ') || 'nothing'}: ${attribute}`, async () => {
      const differences = Object.entries(differencesOf(...await builtInBoth(attribute)))
      expect(differences.map(([file]) => file)).to.deep.equal(Object.keys(known))
      // A sum may agree in some of its bytes.
      for (const [file, difference] of differences) {
        const most = known[file] ?? null
        if (difference.kind === 'bytes') expect(difference.bytes, file).to.be.within(1, most ?? difference.bytes)
        else expect([file, most]).to.deep.equal([file, null])
      }
    })
  }

  for (const attribute of ['ghcPlain', 'ghcBuildId']) {
    it(`is an interface that differs in fingerprints of what holds the output's path, in offsets behind them, and nowhere else: ${attribute}`, async () => {
      const [programs, shown] = await Promise.all([builtInBoth(attribute), builtInBoth(`${attribute}Interface`)])
      const [one, other] = [0, 1].map(n => ({bytes: fs.readFileSync(`${programs[n]}/lib/Hello.hi`), shown: fs.readFileSync(shown[n] ?? '', 'utf8')}))
      if (!one || !other) throw new Error('there are two')
      const {bytes, offsets, ...rest} = interfaceDifference(one, other)
      expect(rest).to.deep.equal({fingerprints: ['interface hash', 'ABI hash', 'main', 'main1', 'main2', 'main3', 'main4'], others: 0})
      expect(bytes).to.be.within(7 * 16, 7 * 20)
      // There are none where the fingerprints happen to be of one length.
      expect(offsets).to.be.within(0, 40)
    })
  }

  it('needs compilers that are themselves equal', () => {
    const names = fs.readdirSync(real.store).filter(name => name.endsWith('-unpacked'))
    expect([names.length, names.filter(name => Object.keys(differencesOf(`${jail.app}/.nix/store/${name}`, `${real.store}/${name}`)).length > 0)]).to.deep.equal([4, []])
  })
})
