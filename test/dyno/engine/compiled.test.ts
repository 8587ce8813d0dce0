import {expect} from 'chai'
import {execFileSync} from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import {differencesOf, type Difference} from './support/differences.ts'
import {installInJail, nixArchive, type EngineJail} from './support/installed.ts'
import {makeRealStore, type RealStore} from './support/real-store.ts'

const PROJECT = `${import.meta.dirname}/fixtures/compiled`

/** What each needs of the machine. Without it the case is skipped. */
const EQUAL = {
  c: ['gcc'], cxx: ['g++'], static: ['gcc'], archive: ['gcc', 'ar'], python: ['python3'], gzip: [], zip: ['zip', 'unzip'], tar: [], jar: ['javac', 'jar'], wrapper: [],
}

describe('what is compiled or packed in a dyno-like jail', function () {
  this.timeout(120_000)
  let jail: EngineJail
  let real: RealStore
  before(async function () {
    const archive = nixArchive()
    if (archive === null) return this.skip()
    jail = await installInJail(archive)
    fs.cpSync(PROJECT, `${jail.app}/source`, {recursive: true})
    real = makeRealStore(archive)
  })
  after(async () => {
    // Nothing was made where the archive is missing.
    ;(real as RealStore | undefined)?.[Symbol.dispose]()
    await (jail as EngineJail | undefined)?.[Symbol.asyncDispose]()
  })

  for (const [attribute, needs] of Object.entries(EQUAL)) {
    it(`is what it is under a real /nix/store: ${attribute}`, async function () {
      if (!needs.every(isInstalled)) return this.skip()
      const {differences} = await buildBoth(attribute)
      expect(differences).to.deep.equal({})
    })
  }

  for (const [attribute, needs, cause, differing] of [
    ['buildId', 'gcc', "ld's build id is a sum over the file", {'/program': 20}],
    ['debugLink', 'gcc', 'a .gnu_debuglink has the CRC of another file', {'/program': 4, '/program.debug': 'strings in another order'}],
    ['debug', 'gcc', 'gcc writes debug strings in the order of their hashes', {'/program': 'strings in another order'}],
    ['compressedDebug', 'gcc', 'a compressed section cannot be rewritten', {'/program': 'anything'}],
    ['buildFolder', 'gcc', 'the folder of the build stays in what is compiled with -g', {'/library.o': 'anything'}],
    ['hashedPython', 'python3', 'a checked .pyc has a sum over its source', {'/__pycache__/module.pyc': 8}],
    ['uncheckedPython', 'python3', 'an unchecked .pyc has one, too', {'/__pycache__/module.pyc': 8}],
    ['spelt', 'base64', 'no other spelling of a path is looked for', {'/text': 32}],
    ['pattern', 'sed', 'the builder itself took a path apart', {'/text': 'anything'}],
    ['packed', 'gzip', 'a compressed file cannot be rewritten', {'/conf.gz': 14}],
    ['deflated', 'zip', 'a compressed member cannot be rewritten', {'/deflated.zip': 18}],
    ['sums', 'sha256sum', 'the builder itself took a sum', {'/SHA256SUMS': 64}],
    ['copied', 'cp', 'the text /app/.nixs of a source looks like ours', {'/text': 9}],
    ['ordered', 'sort', 'the builder itself sorted by store path', {'/ordered': 'strings in another order'}],
  ] as const) {
    it(`differs in known bytes alone, because ${cause}: ${attribute}`, async function () {
      if (!isInstalled(needs)) return this.skip()
      const {differences, inJail, underNix} = await buildBoth(attribute)
      const expected: Readonly<Record<string, number | string>> = differing
      for (const [file, difference] of Object.entries(differences)) {
        const found = measure(difference, strings(`${inJail}${file}`) === strings(`${underNix}${file}`))
        expect(file.replace(/\.cpython-\d+/, '')).to.be.oneOf(Object.keys(expected))
        const most = expected[file.replace(/\.cpython-\d+/, '')]
        // Bytes of two sums may happen to be the same.
        if (typeof most === 'number') expect(found, file).to.be.a('number').that.is.at.most(most)
        else if (most !== 'anything') expect(found, file).to.equal(most)
      }

      // An order that depends on hashes may happen to be the same.
      if (!Object.values(expected).includes('strings in another order')) expect(Object.keys(differences)).to.have.length(Object.keys(expected).length)
    })
  }

  async function buildBoth(attribute: string): Promise<{differences: Record<string, Difference>; inJail: string; underNix: string}> {
    const args = ['/app/source', '--attr', attribute, '--no-out-link']
    const [built, stdout] = await Promise.all([jail.nix('nix-build', args), real.nix('nix-build', args, PROJECT)])
    expect(built.status, built.stderr).to.equal(0)
    expect(built.stdout).to.equal(stdout)
    const name = path.basename(stdout.trim())
    const [inJail, underNix] = [`${jail.app}/.nix/store/${name}`, `${real.store}/${name}`]
    return {differences: differencesOf(inJail, underNix), inJail, underNix}
  }
})

function measure(difference: Difference, sameStrings: boolean): number | string {
  if (difference.kind === 'other') return 'another size'
  return sameStrings && difference.bytes > 20 ? 'strings in another order' : difference.bytes
}

/** A file's texts, sorted: debug strings, lines. */
function strings(file: string): string {
  const text = fs.readFileSync(file, 'latin1')
  return (text.match(/[\x20-\x7e]{8,}/g) ?? []).sort().join('\n')
}

function isInstalled(program: string): boolean {
  try {
    execFileSync('/bin/sh', ['-c', 'command -v "$1"', 'sh', program], {env: {PATH: '/usr/bin:/bin'}, stdio: 'ignore'})
    return true
  } catch {
    // What the jail has is the machine's own /usr.
    return false
  }
}
