import {expect} from 'chai'
import {Writable} from 'node:stream'
import {judge} from '../../../src/lib/check/judge.ts'
import type {SlugEntry} from '../../../src/lib/slug/entry.ts'
import {writeLayer} from '../../../src/lib/slug/layer.ts'
import {parseRules} from '../../../src/lib/slugexclude/parse-rules.ts'
import {closure} from './support.ts'

const FILES = closure({'a-1/bin/x': [], 'a-1/share/doc/y': [], 'a-1/lib/z.a': [], 'b-1/x': [], 'b-1/link': 'a-1/bin/x'})

describe('what becomes of a closure', () => {
  for (const rules of [null, '', '/store\n', '/store/\n', '+ /store/\n*\n', '*\n', 'store/**\n', '+ store/**/\nstore/**\n', '/*/b-1\n', '*.a\nshare/\n']) {
    it(`is what a layer's maker makes of it: ${JSON.stringify(rules)}`, async () => {
      const parsed = rules === null ? null : parseRules(rules)
      const entries = FILES.map((file): SlugEntry => file.kind === 'file' ? {...file, read: () => [Buffer.alloc(file.size)]} : file)
      const {kept} = await writeLayer({entries, rules: parsed, result: 'a-1', sink: new Writable({write: (_chunk, _encoding, done) => done()})})
      const ours = judge(FILES, parsed).filter(one => one.kept).map(one => one.listed.kind)
      expect({files: ours.filter(kind => kind === 'file').length, directories: ours.filter(kind => kind === 'directory').length, symlinks: ours.filter(kind => kind === 'symlink').length})
        .to.deep.equal({files: kept.files, directories: kept.directories, symlinks: kept.symlinks})
      if (rules?.startsWith('/store')) expect(ours).to.deep.equal([])
    })
  }
})
