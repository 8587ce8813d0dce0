import {expect} from 'chai'
import {mkdirSync, writeFileSync} from 'node:fs'
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {findTarget} from '../../../src/dyno/build/project.ts'
import {NixError} from '../../../src/lib/errors.ts'
import {buildTarget, filesNamed} from '../../../src/lib/source/build-target.ts'

const ROWS: [name: string, names: string[], flags: string, outcome: string | null][] = [
  ['a default.nix', ['default.nix', 'flake.nix'], '', null],
  ['a default.nix of another case', ['app.py', 'DEFAULT.NIX'], '', 'NO_DEFAULT_NIX'],
  ['a default.nix in a folder', ['nix/default.nix'], '', 'NO_DEFAULT_NIX'],
  ['a file that the flags name', ['x.nix'], 'x.nix', null],
  ['a file that the flags name after options', ['nix/x.nix'], '-A app --argstr a b --keep-going ./nix/x.nix', null],
  ['a file after an option of Nix 3', ['x.nix'], '-f x.nix', null],
  ['a folder that the flags name', ['nix/default.nix'], './nix/', null],
  ['a folder without a default.nix', ['nix/x.nix'], '-A app', 'NO_DEFAULT_NIX'],
  ['an attribute named like a file', ['app'], '-A app', 'NO_DEFAULT_NIX'],
  ['a package of a flake that is not there', ['default.nix'], '.#web', 'NO_FLAKE'],
  ['a file that is not there', ['default.nix'], '-A app y.nix', 'NO_SUCH_FILE'],
  ['a setting\'s value', ['default.nix'], '--builders none --sandbox false', null],
  ['an expression', ['x'], '-E "import ./x"', null],
  ['a URL', ['x'], 'https://example.com/x.tar.gz', null],
  ['what Nix looks up', ['x'], '<nixpkgs> -A hello', null],
  ['the root', ['default.nix'], '.', null],
]

/** Trees with a flake.nix, and what nix-build is given. */
const FLAKES: [name: string, others: string[], flags: string, words: string[]][] = [
  ['alone', [], '', ['-A', 'default']],
  ['alone, with other flags', [], '--cores 1', ['-A', 'default', '--cores', '1']],
  ['alone, and an attribute', ['app/default.nix'], '--attr app', ['--attr', 'app']],
  ['and a package of it', [], '-j 1 .#web', ['-j', '1', '-A', 'web']],
  ['and a package of it, although there is a default.nix', ['default.nix'], '.#web', ['-A', 'web']],
  ['and a package by its whole name', [], '.#packages.x86_64-linux.web', ['-A', 'packages.x86_64-linux.web']],
  ['and no name', ['default.nix'], '.#', ['-A', 'default']],
]

describe('whether there is something to build', () => {
  const outcome = (act: () => void): string | null => {
    try {
      act()
      return null
    } catch (error) {
      return error instanceof NixError ? error.code : String(error)
    }
  }

  for (const [name, names, flags, expected] of ROWS) {
    it(`with ${name}: ${expected ?? 'yes'}, on clients and dynos alike`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'project-test-'))
      for (const file of names) {
        mkdirSync(dirname(join(folder, file)), {recursive: true})
        writeFileSync(join(folder, file), '')
      }

      expect(outcome(() => buildTarget(filesNamed(names), flags)), 'client').to.equal(expected)
      expect(outcome(() => findTarget(folder, flags)), 'dyno').to.equal(expected)
      await rm(folder, {recursive: true})
    })
  }

  for (const [name, others, flags, words] of FLAKES) {
    it(`with a flake.nix ${name}: its package`, () => {
      expect(buildTarget(filesNamed(['flake.nix', ...others]), flags)).to.deep.equal({kind: 'flake', words})
    })
  }

  it('is a default.nix where there is a flake.nix, too', () => {
    expect(buildTarget(filesNamed(['default.nix', 'flake.nix']), '-A app')).to.deep.equal({kind: 'files', words: ['-A', 'app']})
  })

  it('is said with where a default.nix is instead', () => {
    expect(() => buildTarget(filesNamed(['nix/default.nix']), '')).to.throw('The tree has neither default.nix nor flake.nix at its root, only nix/default.nix.')
  })
})
