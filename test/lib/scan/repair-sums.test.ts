import {expect} from 'chai'
import {execFileSync} from 'node:child_process'
import fs from 'node:fs'
import {derive, rewritingDeriver} from '../../../src/lib/view/derive.ts'
import {makeModesCanonical} from '../../../src/lib/view/canonical-modes.ts'
import {TO_STORE, TO_VIEW} from '../../../src/lib/view/rewriting.ts'
import {makeTrees, type TestTrees} from '../view/support/trees.ts'

const PATH = '/nix/store/6f6had9j0i1g00p64sfs94jbm2pcfvbj-x'
const VIEW_PATH = '/app/.nixs/6f6had9j0i1g00p64sfs94jbm2pcfvbj-x'
const DIRECTIONS = [['to the view', TO_VIEW, PATH, VIEW_PATH], ['back', TO_STORE, VIEW_PATH, PATH]] as const

for (const [direction, rewriting, from, to] of DIRECTIONS) {
  describe(`an archive that is rewritten ${direction}`, () => {
    let trees: TestTrees
    let files: string
    beforeEach(() => {
      trees = makeTrees()
      files = `${trees.root}/files`
      fs.mkdirSync(`${files}${from}`, {recursive: true})
      fs.writeFileSync(`${files}${from}/conf`, `dir=${from}\n`)
      fs.writeFileSync(`${files}/plain`, 'plain\n')
      fs.symlinkSync(from, `${files}/link`)
    })
    afterEach(() => {
      trees[Symbol.dispose]()
    })

    /** Makes a file by a program in `files`, derives it, and gives the place of what came out. */
    function derived(program: string, args: readonly string[], options: {input?: string; name?: string} = {}): {source: string; target: string} {
      const source = `${trees.canonical}/${options.name ?? 'archive'}`
      execFileSync(program, args.map(arg => arg.replaceAll('ARCHIVE', source)), {cwd: files, input: options.input ?? '', stdio: ['pipe', 'ignore', 'pipe']})
      return derivedFile(source)
    }

    function derivedFile(source: string): {source: string; target: string} {
      const target = `${trees.view}/archive`
      makeModesCanonical(source)
      derive(rewritingDeriver(rewriting), source, target)
      return {source, target}
    }

    function unpacked(program: string, ...args: string[]): string {
      return execFileSync(program, args, {encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe']})
    }

    for (const format of ['gnu', 'ustar', 'posix', 'v7']) {
      it(`is a tar that tar reads, names and links rewritten: ${format}`, () => {
        const {target} = derived('tar', ['--create', `--format=${format}`, '--file=ARCHIVE', '--absolute-names', '--transform', 's,^\\./,/,rh', '.'])
        expect(unpacked('tar', '--list', '--absolute-names', '--file', target).split('\n')).to.include(`${to}/conf`)
        expect(unpacked('tar', '--list', '--verbose', '--absolute-names', '--file', target)).to.include(`/link -> ${to}`)
        expect(unpacked('tar', '--extract', '--to-stdout', '--absolute-names', '--file', target, `${to}/conf`)).to.equal(`dir=${to}\n`)
      })
    }

    it('is, rewritten and rewritten back, what it was', () => {
      const {source, target} = derived('tar', ['--create', '--file=ARCHIVE', '--absolute-names', '--transform', 's,^\\./,/,rh', '.'])
      derive(rewritingDeriver(rewriting === TO_VIEW ? TO_STORE : TO_VIEW), target, `${trees.canonical}/again`)
      expect(fs.readFileSync(`${trees.canonical}/again`).equals(fs.readFileSync(source))).to.equal(true)
    })

    it('is a zip of stored members that unzip passes', () => {
      const {target} = derived('zip', ['--quiet', '-0', '--recurse-paths', '--symlinks', 'ARCHIVE', '.'], {name: 'archive.zip'})
      expect(unpacked('unzip', '-t', target)).to.include('No errors detected')
      // zip leaves the first slash out. On the way back that is a path of the view all the same; whoever unpacks the other wants its names.
      expect(unpacked('unzip', '-p', target, `${PATH.slice(1)}/conf`)).to.equal(`dir=${to}\n`)
    })

    it('is a zip written to a pipe, whose CRCs follow the members', () => {
      const {target} = derived('sh', ['-c', 'zip --quiet -0 --recurse-paths - . | cat > ARCHIVE'])
      expect(unpacked('unzip', '-t', target)).to.include('No errors detected')
    })

    it('is a script with a zip after it', () => {
      const {target} = derived('sh', ['-c', `{ echo '#!${from}/bin/python'; zip --quiet -0 --recurse-paths - plain .${from}; } | cat > ARCHIVE`])
      expect([fs.readFileSync(target, 'latin1').startsWith(`#!${to}/bin/python\n`), unzipStatus(target)]).to.deep.equal([true, 'No errors detected'])
    })

    it('is a stored zip in a tar', () => {
      const {target} = derived('sh', ['-c', 'zip --quiet -0 --recurse-paths inner.zip . && tar --create --file ARCHIVE inner.zip'])
      execFileSync('tar', ['--extract', '--file', target, '--directory', trees.root])
      expect(unpacked('unzip', '-t', `${trees.root}/inner.zip`)).to.include('No errors detected')
    })

    it('is left as it is where it is compressed and shows the path all the same: zstd of a short text', () => {
      const {source, target} = derived('sh', ['-c', 'zstd --quiet > ARCHIVE'], {input: `${from}\n`})
      expect(fs.readFileSync(source, 'latin1'), 'the trap').to.include(from)
      expect([unpacked('zstd', '--decompress', '--stdout', '--quiet', target), fs.statSync(target).ino]).to.deep.equal([`${from}\n`, fs.statSync(source).ino])
    })

    it('is a tar in which what is compressed is left as it is', () => {
      const {target} = derived('sh', ['-c', `printf %s ${from} | zstd --quiet > text.zst && tar --create --file ARCHIVE text.zst plain`])
      expect(unpacked('sh', '-c', 'tar --extract --to-stdout --file "$1" text.zst | zstd --decompress --quiet', 'sh', target)).to.equal(from)
    })

    function unzipStatus(file: string): string {
      return /No errors detected/.exec(unpacked('sh', '-c', 'unzip -t "$1" 2>&1 || true', 'sh', file))?.[0] ?? 'errors'
    }
  })
}
