import {expect} from 'chai'
import fs from 'node:fs'
import os from 'node:os'
import {Writable} from 'node:stream'
import {listTree, openTree} from '../../../src/lib/check/read-tree.ts'
import type {ListedFile} from '../../../src/lib/listing/listed-file.ts'
import {writeLayer} from '../../../src/lib/slug/layer.ts'
import {walkView} from '../../../src/lib/slug/walk-view.ts'
import {makeElf} from '../elf/make-elf.ts'

const APP = `${'a'.repeat(32)}-app`
const LIB = `${'b'.repeat(32)}-lib-1.0`
const GLIBC = `${'c'.repeat(32)}-glibc`
const ELF = {is64: true, little: true}

describe('the listing of a closure', () => {
  let root: string
  beforeEach(() => {
    root = fs.mkdtempSync(`${os.tmpdir()}/listing-`)
  })
  afterEach(() => {
    fs.rmSync(root, {recursive: true})
  })

  function write(name: string, content: string | Buffer): void {
    fs.mkdirSync(`${root}/store/${name}`.replace(/\/[^/]*$/, ''), {recursive: true})
    fs.writeFileSync(`${root}/store/${name}`, content)
  }

  function link(name: string, target: string): void {
    fs.mkdirSync(`${root}/store/${name}`.replace(/\/[^/]*$/, ''), {recursive: true})
    fs.symlinkSync(target, `${root}/store/${name}`)
  }

  async function listed(name: string): Promise<ListedFile | undefined> {
    return (await listTree(openTree(root, root))).find(({path}) => path === name)
  }

  async function needs(name: string): Promise<string[]> {
    return ((await listed(name))?.needs ?? []).map(({how, to, through = [], or = [], offset}) =>
      [how, offset, to?.slice(33), ...through.map(path => `through ${path.slice(33)}`), ...or.map(path => `or ${path.slice(33)}`)].join(' ').replaceAll(/ +/g, ' '))
  }

  it('has a program\'s loader and libraries, as the loader finds them', async () => {
    write(`${GLIBC}/lib/ld.so`, 'loader')
    write(`${GLIBC}/lib/libc.so.6`, 'C')
    write(`${LIB}/lib64/libx.so.1`, 'x')
    link(`${LIB}/lib`, 'lib64')
    write(`${APP}/lib/libx.so.1`, 'other x')
    const program = makeElf({interpreter: `/app/.nixs/${GLIBC}/lib/ld.so`, needed: ['libx.so.1', 'libc.so.6', 'libnone.so'], runpath: `/nix/store/${LIB}/lib:$ORIGIN/../lib`}, ELF)
    write(`${APP}/bin/app`, program)
    const at = (text: string) => program.indexOf(text)
    expect(await listed(`${APP}/bin/app`)).to.include({kind: 'file', what: 'elf', executable: false})
    expect(await needs(`${APP}/bin/app`)).to.deep.equal([
      `interpreter ${at('/app/.nixs')} glibc/lib/ld.so`,
      `library ${at('libx.so.1')} lib-1.0/lib64/libx.so.1 through lib-1.0/lib or app/lib/libx.so.1`,
      `library ${at('libc.so.6')} glibc/lib/libc.so.6`,
      `library ${at('libnone.so')} `,
      `runpath ${at('/nix/store')} lib-1.0/lib`,
    ])
  })

  it('has libraries that constant data names, and other store paths with their place', async () => {
    write(`${LIB}/lib/plugin.so`, 'x')
    write(`${LIB}/share/data`, 'x')
    write(`${APP}/bin/app`, makeElf({constants: `\0/nix/store/${LIB}/lib/plugin.so\0/nix/store/${LIB}/share/data\0`}, ELF))
    write(`${APP}/etc/conf`, `a: "/app/.nixs/${LIB}/share/data", see /nix/store/${LIB}.\n/nix/store/${'d'.repeat(32)}-none\n`)
    expect((await needs(`${APP}/bin/app`)).map(text => text.replace(/ \d+/, ''))).to.deep.equal(['dlopen lib-1.0/lib/plugin.so', 'text lib-1.0/share/data'])
    expect(await needs(`${APP}/etc/conf`)).to.deep.equal(['text 4 lib-1.0/share/data', `text ${4 + 11 + LIB.length + 11 + 7} lib-1.0`])
  })

  it('finds a store path that lies across two pieces of a large file', async () => {
    write(`${LIB}/file`, 'x')
    const place = (5 << 20) - 20
    write(`${APP}/large`, Buffer.concat([Buffer.alloc(place), Buffer.from(`/app/.nixs/${LIB}/file`), Buffer.alloc(1 << 20)]))
    expect(await needs(`${APP}/large`)).to.deep.equal([`text ${place} lib-1.0/file`])
  })

  it('has shebangs, and links into the closure, but not out of it', async () => {
    write(`${LIB}/bin/sh`, 'x')
    write(`${APP}/bin/script`, `#! /nix/store/${LIB}/bin/sh -e\n`)
    link(`${APP}/bin/link`, `../../${LIB}/bin/sh`)
    link(`${APP}/bin/absolute`, `/nix/store/${LIB}/bin`)
    link(`${APP}/bin/outside`, '/etc/passwd')
    link(`${APP}/bin/above`, '../../../x')
    expect(await needs(`${APP}/bin/script`)).to.deep.equal(['shebang 3 lib-1.0/bin/sh'])
    expect(await needs(`${APP}/bin/link`)).to.deep.equal(['symlink lib-1.0/bin/sh'])
    expect(await needs(`${APP}/bin/absolute`)).to.deep.equal(['symlink lib-1.0/bin'])
    expect([await needs(`${APP}/bin/outside`), await needs(`${APP}/bin/above`)]).to.deep.equal([[], []])
  })

  it('says what files are', async () => {
    write(`${APP}/a`, '!<arch>\n')
    write(`${APP}/d`, 'a\0b')
    write(`${APP}/t`, 'text')
    write(`${APP}/o`, '\x7fELF broken')
    const files = await listTree(openTree(root, root))
    expect(files.flatMap(file => file.kind === 'file' ? [file.what] : [])).to.deep.equal(['archive', 'data', 'object', 'text'])
  })

  it('predicts the size of a layer within 5 %, and is the same each time', async () => {
    // Node's own files are of every kind, and everywhere the same.
    const modules = new URL('../../../node_modules/', import.meta.url).pathname
    for (const [index, name] of ['typescript/lib', 'esbuild', 'eslint', 'fast-check', 'valibot', 'mocha'].entries()) {
      fs.cpSync(`${modules}${name}`, `${root}/store/${String(index).padStart(32, '0')}-${name.replace('/', '-')}`, {recursive: true})
    }

    const tree = openTree(root, root)
    const files = await listTree(tree)
    const predicted = files.reduce((sum, {packed}) => sum + packed, 0)
    const {size} = await writeLayer({entries: walkView(tree.store, tree.names), rules: null, result: tree.names[0] ?? '', sink: new Writable({write: (_chunk, _encoding, done) => done()})})
    expect(predicted / size).to.be.within(0.95, 1.05)
    expect(await listTree(tree)).to.deep.equal(files)
  }).timeout(120_000)
})
