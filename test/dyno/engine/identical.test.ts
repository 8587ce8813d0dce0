import {expect} from 'chai'
import {execFileSync} from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import {prepareExample} from './support/example.ts'
import {installInJail, nixArchive, type EngineJail} from './support/installed.ts'
import {makeRealStore, type RealStore} from './support/real-store.ts'

type Closure = Record<string, {narHash: string; references: string[]}>

describe('a build in a dyno-like jail', function () {
  this.timeout(600_000)
  let jail: EngineJail
  let real: RealStore
  before(async function () {
    const archive = nixArchive()
    if (archive === null) return this.skip()
    jail = await installInJail(archive, {'experimental-features': 'nix-command flakes external-builders ca-derivations'})
    real = makeRealStore(archive)
  })
  after(async () => {
    // Nothing was made where the archive is missing.
    ;(real as RealStore | undefined)?.[Symbol.dispose]()
    await (jail as EngineJail | undefined)?.[Symbol.asyncDispose]()
  })

  for (const [what, prepare, atLeast] of [
    ['each thing that a builder may do', () => ({folder: `${import.meta.dirname}/fixtures`, file: 'matrix.nix'}), 15],
    ['the builtin builders', () => ({folder: `${import.meta.dirname}/fixtures`, file: 'builtins.nix'}), 7],
    ['the demo app', () => ({folder: prepareExample(path.dirname(jail.app)), file: 'default.nix'}), 50],
  ] as const) {
    it(`gives every path of ${what} the hash and references of a build under a real /nix/store`, async () => {
      const {folder, file} = prepare()
      const inJail = await closureInJail(folder, file)
      const underNix = await closureUnderNix(folder, file)
      expect(Object.keys(underNix).length).to.be.at.least(atLeast)
      expect(inJail).to.deep.equal(underNix)
    })
  }

  it('gives a flake whose source is itself the hash and references of a build under a real /nix/store', async () => {
    const folder = `${import.meta.dirname}/fixtures`
    const args = ['build', 'path:/app/source/flake', '--no-link', '--print-out-paths']
    fs.cpSync(folder, `${jail.app}/source`, {recursive: true})
    try {
      const built = await jail.nix('nix', args)
      expect(built.status, built.stderr).to.equal(0)
      const inJail = parseClosure((await jail.nix('nix', ['path-info', '--json', '--recursive', built.stdout.trim()])).stdout)
      const underNix = parseClosure(await real.nix('nix', ['path-info', '--json', '--recursive', (await real.nix('nix', args, folder)).trim()], folder))
      expect([Object.keys(inJail).length, inJail]).to.deep.equal([2, underNix])
    } finally {
      fs.rmSync(`${jail.app}/source`, {recursive: true})
    }
  })

  it('leaves this project\'s own source, full of the text /app/.nixs, as it is: as a source, and unpacked where its hash is known', async () => {
    const folder = `${jail.app}/own`
    fs.mkdirSync(folder)
    execFileSync('tar', ['--create', '--gzip', '--file', `${folder}/own.tar.gz`, '--sort=name', 'src', 'docs', 'test/lib/view'], {cwd: path.resolve(import.meta.dirname, '../../..')})
    execFileSync('tar', ['--extract', '--gzip', '--file', `${folder}/own.tar.gz`, '--one-top-level=tree', '--directory', folder])
    const jailed = (program: 'nix' | 'nix-build', args: string[]) => jail.nix(program, args)
    const hash = (await jailed('nix', ['hash', 'path', '/app/own/tree'])).stdout.trim()
    fs.writeFileSync(`${folder}/default.nix`, `rec {
      unpacked = derivation {
        name = "own"; system = "x86_64-linux"; builder = "/bin/bash"; PATH = "/usr/bin:/bin"; src = ./own.tar.gz;
        outputHashMode = "recursive"; outputHashAlgo = "sha256"; outputHash = "${hash}";
        args = [ "-e" "-c" "mkdir $out; tar --extract --gzip --file $src --directory $out; true" ];
      };
      same = derivation {
        name = "same"; system = "x86_64-linux"; builder = "/bin/bash"; PATH = "/usr/bin:/bin"; tree = ./tree; inherit unpacked;
        args = [ "-e" "-c" "diff --recursive $tree $unpacked; grep --quiet /app/[.]nixs $unpacked/src/lib/nix/store-path.ts; echo same > $out" ];
      };
    }`)
    const {status, stderr} = await jailed('nix-build', ['/app/own', '--attr', 'same', '--no-out-link'])
    expect(status, stderr).to.equal(0)
  })

  it('has the same derivations before its build and after it, and builds nothing again', async () => {
    fs.cpSync(`${import.meta.dirname}/fixtures`, `${jail.app}/source`, {recursive: true})
    try {
      const instantiate = () => jail.nix('nix-instantiate', ['/app/source/matrix.nix'])
      const before = await instantiate()
      const again = await jail.nix('nix-build', ['/app/source/matrix.nix', '--no-out-link'])
      const after = await instantiate()
      expect([again.status, again.stderr.match(/^building /m), after.stdout]).to.deep.equal([0, null, before.stdout])
    } finally {
      fs.rmSync(`${jail.app}/source`, {recursive: true})
    }
  })

  it('leaves a store in which Nix finds nothing wrong', async () => {
    const {status, stderr} = await jail.nix('nix-store', ['--verify', '--check-contents'])
    expect([status, stderr]).to.deep.equal([0, 'reading the Nix store...\nchecking path existence...\nchecking link hashes...\nchecking store hashes...\n'])
  })

  async function closureInJail(folder: string, file: string): Promise<Closure> {
    fs.cpSync(folder, `${jail.app}/source`, {recursive: true})
    try {
      const built = await jail.nix('nix-build', [`/app/source/${file}`, '--no-out-link', '-j2'])
      expect(built.status, built.stderr).to.equal(0)
      const info = await jail.nix('nix', ['path-info', '--json', '--recursive', ...built.stdout.trim().split('\n')])
      return parseClosure(info.stdout)
    } finally {
      fs.rmSync(`${jail.app}/source`, {recursive: true})
    }
  }

  async function closureUnderNix(folder: string, file: string): Promise<Closure> {
    const built = await real.nix('nix-build', [`/app/source/${file}`, '--no-out-link', '-j2'], path.resolve(folder))
    return parseClosure(await real.nix('nix', ['path-info', '--json', '--recursive', ...built.trim().split('\n')], path.resolve(folder)))
  }
})

function parseClosure(json: string): Closure {
  const info = JSON.parse(json) as Closure
  return Object.fromEntries(Object.entries(info).map(([name, {narHash, references}]) => [name, {narHash, references: references.sort()}]))
}
