import {expect} from 'chai'
import {mkdirSync, writeFileSync} from 'node:fs'
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {requireProject} from '../../../src/dyno/build/project.ts'
import {NixError} from '../../../src/lib/errors.ts'
import {checkProject, filesNamed} from '../../../src/lib/source/check-project.ts'

const ROWS: [name: string, names: string[], flags: string, outcome: string | null][] = [
  ['a default.nix', ['default.nix', 'flake.nix'], '', null],
  ['a default.nix of another case', ['app.py', 'DEFAULT.NIX'], '', 'NO_DEFAULT_NIX'],
  ['a default.nix in a folder', ['nix/default.nix'], '', 'NO_DEFAULT_NIX'],
  ['a flake.nix alone', ['flake.nix'], '', 'FLAKE_ONLY'],
  ['a file that the flags name', ['x.nix'], 'x.nix', null],
  ['a file that the flags name after options', ['nix/x.nix'], '-A app --argstr a b --keep-going ./nix/x.nix', null],
  ['a file after an option of Nix 3', ['x.nix'], '-f x.nix', null],
  ['a folder that the flags name', ['nix/default.nix'], './nix/', null],
  ['a folder without a default.nix', ['nix/x.nix'], '-A app', 'NO_DEFAULT_NIX'],
  ['an attribute named like a file', ['app'], '-A app', 'NO_DEFAULT_NIX'],
  ['an attribute named like a flake\'s folder', ['flake.nix', 'app/default.nix'], '--attr app', 'FLAKE_ONLY'],
  ['a file that is not there', ['default.nix'], '-A app y.nix', 'NO_SUCH_FILE'],
  ['a setting\'s value', ['default.nix'], '--builders none --sandbox false', null],
  ['an expression', ['x'], '-E "import ./x"', null],
  ['a URL', ['x'], 'https://example.com/x.tar.gz', null],
  ['what Nix looks up', ['x'], '<nixpkgs> -A hello', null],
  ['the root', ['default.nix'], '.', null],
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

      expect(outcome(() => checkProject(filesNamed(names), flags)), 'client').to.equal(expected)
      expect(outcome(() => requireProject(folder, flags)), 'dyno').to.equal(expected)
      await rm(folder, {recursive: true})
    })
  }

  it('is said with where a default.nix is instead', () => {
    expect(() => checkProject(filesNamed(['nix/default.nix']), '')).to.throw('The tree has no default.nix at its root, only nix/default.nix.')
  })

  it('is said for a flake with the lines to write', () => {
    expect(() => checkProject(filesNamed(['flake.nix']), '')).to.throw('The tree has a flake.nix but no default.nix, which is what is built.')
      .with.property('suggestions').that.deep.equals([
        'write a default.nix of one line, that is the flake\'s package: (builtins.getFlake (toString ./.)).packages.${builtins.currentSystem}.default',
        'heroku config:set NIX_BUILD_FLAGS="--extra-experimental-features flakes"',
        'git add default.nix && git commit && heroku nix:build',
      ])
  })
})
