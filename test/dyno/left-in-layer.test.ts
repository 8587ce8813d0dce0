import {expect} from 'chai'
import {execFileSync} from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import {gzipSync} from 'node:zlib'
import {makeLayer, type MadeLayer} from '../../src/dyno/build/make-layer.ts'
import {describeUnrewritten} from '../../src/lib/scan/describe.ts'

const NAME = '6f6had9j0i1g00p64sfs94jbm2pcfvbj-app'
const PATH = `/nix/store/${NAME}`

describe('a layer in which store paths are left', () => {
  let root: string
  let path: string
  beforeEach(() => {
    root = fs.mkdtempSync(`${os.tmpdir()}/left-`)
    path = `${root}/view/${NAME}`
    fs.mkdirSync(`${path}/share/doc`, {recursive: true})
    fs.writeFileSync(`${path}/share/manual.gz`, gzipSync(`see ${PATH}/bin/app`))
    fs.writeFileSync(`${path}/share/doc/other.gz`, gzipSync(`see ${PATH}/bin/app`))
    fs.writeFileSync(`${path}/share/elsewhere.gz`, gzipSync(`see ${PATH.replace('6f6', '7f7')}/bin/app`))
    fs.mkdirSync(`${root}/zip`)
    fs.writeFileSync(`${root}/zip/__main__.py`, `DIR = '${PATH}' # ${'x'.repeat(100)}\n`)
    execFileSync('sh', ['-c', `{ echo '#!/bin/sh'; head -c 2M /dev/zero; zip -qr - __main__.py | cat; } > "$1"`, 'sh', `${path}/share/program`], {cwd: `${root}/zip`})
  })
  afterEach(() => {
    fs.rmSync(root, {recursive: true})
  })

  function make(): Promise<MadeLayer> {
    return makeLayer({
      view: `${root}/view`, closure: [{path: PATH, narHash: `sha256:${'0'.repeat(52)}`, narSize: 1, references: []}], result: PATH, engine: 'relocate',
      slugexclude: `${root}/.slugexclude`, layerFile: `${root}/layer`, listingFile: `${root}/listing`, signal: new AbortController().signal,
    })
  }

  it('names the files that it keeps, with member and place', async () => {
    fs.writeFileSync(`${root}/.slugexclude`, 'doc\n')
    const {unrewritten, notScanned} = await make()
    expect([unrewritten, notScanned]).to.deep.equal([[
      {path: PATH, file: 'share/manual.gz', inside: [], offset: 4},
      {path: PATH, file: 'share/program', inside: ['__main__.py'], offset: 7},
    ], []])
    expect(describeUnrewritten(unrewritten)).to.equal([
      '2 files in the slug hold /nix/store/ in what is compressed, where it could not be made /app/.nixs/; dynos have no /nix/store:',
      `  ${NAME}/share/manual.gz @ 4`,
      `  ${NAME}/share/program > __main__.py @ 7`,
      'Manuals and sources do no harm. What the app reads when it runs has to be uncompressed in the build; what it does not need can go into .slugexclude.',
    ].join('\n'))
  })

  it('says what it did not search', async () => {
    fs.writeFileSync(`${path}/share/zeros.gz`, gzipSync(Buffer.alloc(80 << 20)))
    expect((await make()).notScanned).to.deep.equal([`${NAME}/share/zeros.gz was not searched for store paths: it holds more than 200 times its own size`])
  })
})

describe('what is said of what was left', () => {
  it('is nothing where there is nothing', () => {
    expect(describeUnrewritten([])).to.equal(null)
  })

  it('is five places, and how many more', () => {
    const places = Array.from({length: 7}, (_, n) => ({path: PATH, file: `${n}.gz`, inside: [], offset: n}))
    expect(describeUnrewritten(places)?.split('\n').slice(5, 7)).to.deep.equal([`  ${NAME}/4.gz @ 4`, "  and 2 more; the build's record has them"])
  })
})
