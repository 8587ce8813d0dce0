import type {ListedFile} from '../listing/listed-file.ts'

/** Something that programs do without. */
export interface Candidate {
  /** An rsync pattern. With `isTree` it names whole folders (or links to such), without a slash at its end. */
  pattern: string
  isTree: boolean
  why: string
  /** Read by compilers and their like alone: stays where the closure has a compiler that may be run. */
  forBuilding?: true
  /** Patterns of what is used often enough to stay without being asked for. */
  stays?: readonly string[]
  /** What the pattern matches but the reason does not hold for. */
  but?: (listed: ListedFile) => boolean
}

const PEOPLE = 'documentation: people read it, programs do not'
const BUILDING = 'what only a compiler or a builder reads'
const DEBUGGING = 'debug data: only a debugger reads it'
const TRANSLATIONS = 'translations of messages: without them programs speak English (else --keep share/locale/de)'
const TESTS = 'tests: nothing but a test runner loads them'

const tree = (pattern: string, why: string, rest: Partial<Candidate> = {}): Candidate => ({pattern, isTree: true, why, ...rest})
const files = (pattern: string, why: string, rest: Partial<Candidate> = {}): Candidate => ({pattern, isTree: false, why, ...rest})

/** In the order in which they stand in the file. Python's and glibc's own layouts are the same in all distributions. */
export const CANDIDATES: readonly Candidate[] = [
  ...['doc', 'man', 'info', 'gtk-doc', 'devhelp', 'help', 'ri'].map(name => tree(`/store/*/share/${name}`, PEOPLE)),
  tree('lib/python3*/pydoc_data', "documentation: the text of Python's help(), which says so when it is not there"),
  tree('/store/*/include', `headers: ${BUILDING}`, {forBuilding: true, but: ({path}) => path.endsWith('/pyconfig.h')}),
  files('*.a', `static libraries: ${BUILDING}`, {forBuilding: true, but: listed => listed.kind === 'file' && listed.what !== 'archive'}),
  ...['lib/pkgconfig', 'share/pkgconfig', 'lib/cmake', 'share/aclocal'].map(name => tree(`/store/*/${name}`, BUILDING, {forBuilding: true})),
  tree('/store/*/nix-support', `setup of builds: ${BUILDING}`),
  tree('/store/*/lib/debug', DEBUGGING),
  files('*.debug', DEBUGGING, {but: listed => listed.kind === 'file' && listed.what !== 'elf' && listed.what !== 'object'}),
  files('/store/*/share/locale/*', TRANSLATIONS, {stays: ['/store/*/share/locale/en*', '/store/*/share/locale/locale.alias']}),
  tree('/store/*/share/i18n', 'sources of locales: only localedef reads them'),
  files('gconv/*', 'conversions from and to rare encodings; UTF-8 needs none, the common ones stay (else --keep gconv/EUC-JP.so)', {
    stays: ['gconv-modules*', 'UTF-*.so', 'UNICODE.so', 'ISO8859-1.so', 'ISO8859-15.so', 'CP1252.so'].map(name => `gconv/${name}`),
  }),
  tree('lib/python3*/test', TESTS),
  files('tests/test_*.py', TESTS),
  files('test/test_*.py', TESTS),
  ...['_test*', '_ctypes_test*', '_xxtestfuzz*'].map(name => files(`lib/python3*/lib-dynload/${name}.so`, TESTS)),
  ...['spec', 'test'].map(name => tree(`gems/*/${name}`, 'tests of gems: Ruby loads from lib alone')),
]

const COMPILER = /\/bin\/(cc|gcc|g\+\+|clang|clang\+\+|tcc|ghc|rustc|ocamlc|ocamlopt)$/

export function isCompiler({path}: ListedFile): boolean {
  return COMPILER.test(path)
}
