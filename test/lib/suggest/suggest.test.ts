import {expect} from 'chai'
import {closureGraph} from '../../../src/lib/check/closure-graph.ts'
import {findBreaks} from '../../../src/lib/check/find-breaks.ts'
import {judge} from '../../../src/lib/check/judge.ts'
import {NixError} from '../../../src/lib/errors.ts'
import type {FileContent, ListedFile, Need} from '../../../src/lib/listing/listed-file.ts'
import {fromText, type ByteString} from '../../../src/lib/slug/byte-string.ts'
import {parseRules} from '../../../src/lib/slugexclude/parse-rules.ts'
import {formatSuggestion} from '../../../src/lib/suggest/format.ts'
import {suggest} from '../../../src/lib/suggest/suggest.ts'

const LETTERS = 'abcdfghijk'
const hash = (index: number) => (LETTERS[index] ?? '0').repeat(32)
const APP = `${hash(0)}-app`
const LIB = `${hash(1)}-libfoo-1.2`
const LIBC = `${hash(2)}-glibc-2.40`
const LEFT = `${hash(3)}-left[over]`

type Spec = {what?: FileContent; link?: string; needs?: (Partial<Need> & {how: Need['how']; at: string})[]}

/** A closure of files; folders come by themselves. */
function closure(specs: Record<string, Spec>): ListedFile[] {
  const all = new Map<string, ListedFile>()
  for (const [path, {what = 'data', link, needs = []}] of Object.entries(specs)) {
    const names = path.split('/')
    for (let count = 1; count < names.length; count++) {
      const folder = names.slice(0, count).join('/')
      all.set(folder, {kind: 'directory', path: fromText(folder), packed: 50, needs: []})
    }

    const all_needs = needs.map(({at, ...need}): Need => ({...need, to: fromText(at)}))
    const base = {path: fromText(path), packed: 1000, needs: all_needs}
    all.set(path, link === undefined
      ? {...base, kind: 'file', size: 3000, executable: false, what}
      : {...base, kind: 'symlink', target: fromText(`/app/.nixs/${link}`), needs: [{how: 'symlink', to: fromText(link)}]})
  }

  // As a tree is walked: by parts of the path, not by the whole.
  const key = (path: ByteString) => path.replaceAll('/', '\0')
  return [...all.values()].sort((a, b) => (key(a.path) < key(b.path) ? -1 : 1))
}

const CLOSURE: Record<string, Spec> = {
  [`${APP}/bin/app`]: {what: 'elf', needs: [{how: 'interpreter', at: `${LIBC}/lib/ld.so`}, {how: 'library', at: `${LIB}/lib/libfoo.so`}]},
  [`${APP}/share/doc/page.html`]: {},
  [`${LIB}/lib/libfoo.so`]: {what: 'elf', needs: [{how: 'text', at: LIBC}]},
  [`${LIB}/lib/libfoo.a`]: {what: 'archive'},
  [`${LIB}/include/foo.h`]: {},
  [`${LIB}/share/doc/foo/README`]: {needs: [{how: 'text', at: LEFT}]},
  [`${LIB}/share/doc/foo/needed`]: {},
  [`${LIB}/lib/needed`]: {link: `${LIB}/share/doc/foo/needed`},
  [`${LIBC}/lib/ld.so`]: {what: 'elf'},
  [`${LIBC}/lib/gconv/UTF-16.so`]: {what: 'elf'},
  [`${LIBC}/lib/gconv/gconv-modules`]: {what: 'text'},
  [`${LIBC}/lib/gconv/EUC-JP.so`]: {what: 'elf', needs: [{how: 'library', at: `${LIBC}/lib/gconv/libJIS.so`}]},
  [`${LIBC}/lib/gconv/libJIS.so`]: {what: 'elf'},
  [`${LIBC}/share/locale/de/LC_MESSAGES/libc.mo`]: {},
  [`${LEFT}/data`]: {},
}

function keptOf(files: readonly ListedFile[], keep: string[] = []): {kept: string[]; text: string; breaks: number} {
  const text = formatSuggestion(suggest(files, {result: APP, keep}), {of: 'example-app'})
  const judged = judge(files, parseRules(text))
  const kept = judged.filter(one => one.kept && one.listed.kind !== 'directory').map(one => one.listed.path.slice(33))
  return {kept, text, breaks: findBreaks(judged, closureGraph(judged, [APP])).breaks.length}
}

describe('suggest', () => {
  it('drops what nothing needs, and keeps what something fails without', () => {
    const {kept, breaks} = keptOf(closure(CLOSURE))
    expect(kept).to.deep.equal([
      'app/bin/app', 'app/share/doc/page.html', 'libfoo-1.2/lib/libfoo.so', 'libfoo-1.2/lib/needed', 'libfoo-1.2/share/doc/foo/needed',
      'glibc-2.40/lib/gconv/UTF-16.so', 'glibc-2.40/lib/gconv/gconv-modules', 'glibc-2.40/lib/ld.so',
    ])
    expect(breaks).to.equal(0)
  })

  it('keeps what it is asked to, with what that needs', () => {
    const {kept, breaks} = keptOf(closure(CLOSURE), ['gconv/EUC-JP.so', 'share/locale/de', '/store/*-libfoo-*/share/doc/foo/README'])
    expect(kept).to.include.members(['glibc-2.40/lib/gconv/EUC-JP.so', 'glibc-2.40/lib/gconv/libJIS.so', 'glibc-2.40/share/locale/de/LC_MESSAGES/libc.mo'])
    expect(kept, 'a path that what is kept refers to').to.include.members(['libfoo-1.2/share/doc/foo/README', 'left[over]/data'])
    expect(breaks).to.equal(0)
  })

  it('refuses to keep what is not there', () => {
    expect(() => suggest(closure(CLOSURE), {result: APP, keep: ['no-such-thing']})).to.throw(NixError, '--keep no-such-thing matches nothing')
  })

  it('leaves headers and static libraries alone where there is a compiler', () => {
    const {kept} = keptOf(closure({...CLOSURE, [`${LIB}/bin/gcc`]: {what: 'elf'}}))
    expect(kept).to.include.members(['libfoo-1.2/include/foo.h', 'libfoo-1.2/lib/libfoo.a'])
  })

  it('says above each rule what it saves and why it is safe', () => {
    const {text} = keptOf(closure(CLOSURE))
    const lines = text.split('\n')
    const rules = lines.flatMap((line, index) => (line.startsWith('- ') ? [[lines[index - 1], line]] : []))
    expect(rules).to.deep.include(['# Saves 1000 B in the slug, 2.9 kB on disk; static libraries: what only a compiler or a builder reads.', '- *.a'])
    expect(rules).to.deep.include(['# Saves 1.0 kB in the slug, 2.9 kB on disk; nothing that is kept refers to it.', String.raw`- /store/*-left\[over]`])
    expect(rules.every(([comment]) => comment?.startsWith('# Saves '))).to.equal(true)
    expect(lines[1]).to.match(/^# Saves \d+\.\d kB of \d+\.\d kB in the slug \(\d+\.\d %\), 20\.5 kB of 41\.0 kB on disk\.$/)
  })

  it('keeps what nothing refers to when nobody says what the result is', () => {
    const {rules} = suggest(closure({[`${LEFT}/data`]: {}, [`${LIB}/lib/x`]: {}}), {result: null, keep: []})
    expect(rules).to.deep.equal([])
  })
})
